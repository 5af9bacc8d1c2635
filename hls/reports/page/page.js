"use strict";
// Tables sort by a click on a heading; charts say the values under the pointer. Nothing needs it.
(() => {
  const key = (row, column) => {
    const text = row.cells[column].textContent.trim();
    const number = parseFloat(text.replace(/^[≥≤]\s*/, "").replace(/,/g, "").replace("−", "-"));
    return { text, number };
  };
  const order = (a, b) => {
    if (Number.isNaN(a.number) !== Number.isNaN(b.number)) return Number.isNaN(a.number) ? 1 : -1;
    return a.number - b.number || a.text.localeCompare(b.text);
  };
  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      if (head.tagName !== "TH") return;
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const up = head.getAttribute("aria-sort") !== "ascending";
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        const rows = [...table.tBodies[0].rows].map((row) => [key(row, column), row]);
        rows.sort((a, b) => (up ? 1 : -1) * order(a[0], b[0]));
        table.tBodies[0].append(...rows.map((pair) => pair[1]));
      });
    });
  }
  const scale = (words) => {
    const [first, last, low, high] = words.split(" ").slice(0, 4).map(Number);
    const log = words.endsWith("log");
    return (pixel) => {
      const share = (pixel - first) / (last - first);
      return log ? low * (high / low) ** share : low + share * (high - low);
    };
  };
  const points = (path) =>
    (path.getAttribute("d").match(/[ML][-\d. ]+/g) || []).map((p) => p.slice(1).split(" ").map(Number));
  const at = (line, x) => {
    for (let i = 1; i < line.length; i += 1) {
      const [[x1, y1], [x2, y2]] = [line[i - 1], line[i]];
      if (x1 <= x && x <= x2) return x2 === x1 ? y2 : y1 + ((x - x1) / (x2 - x1)) * (y2 - y1);
    }
    return null;
  };
  for (const chart of document.querySelectorAll("svg[data-x]")) {
    const [ofX, ofY] = [scale(chart.dataset.x), scale(chart.dataset.y)];
    const lines = [...chart.querySelectorAll("path[data-name]")].map((path) => [
      path.dataset.name,
      points(path),
    ]);
    const readout = document.createElement("p");
    readout.className = "readout";
    readout.setAttribute("aria-hidden", "true");
    chart.after(readout);
    chart.addEventListener("pointermove", (event) => {
      const box = chart.getBoundingClientRect();
      const x = ((event.clientX - box.left) / box.width) * chart.viewBox.baseVal.width;
      const found = lines.map(([name, line]) => [name, at(line, x)]).filter((pair) => pair[1] !== null);
      const value = ofX(x);
      const where = Math.abs(value) < 10 ? value.toFixed(3) : Math.round(value).toLocaleString("en");
      readout.textContent = found.length
        ? `${chart.dataset.of} ${where}: ` + found.map(([n, y]) => `${n} ${ofY(y).toPrecision(3)}`).join(", ")
        : "";
    });
    chart.addEventListener("pointerleave", () => (readout.textContent = ""));
  }
})();
