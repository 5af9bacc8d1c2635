// Opens pages in headless Chromium: prints, per page, what axe finds serious and what is loaded.
const { chromium } = require("playwright-core");
const fs = require("fs");
const axe = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const [executablePath, ...paths] = process.argv.slice(2);
const args = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"];

(async () => {
  const browser = await chromium.launch({ executablePath, args });
  const found = [];
  for (const path of paths)
    for (const colorScheme of ["light", "dark"])
      for (const width of [1280, 390]) {
        const context = await browser.newContext({ colorScheme, viewport: { width, height: 900 } });
        const page = await context.newPage();
        const problems = [];
        page.on("pageerror", (error) => problems.push(error.message));
        page.on("console", (message) => problems.push(message.text()));
        page.on("request", (request) => request.url().startsWith("file:") || problems.push(request.url()));
        await page.goto("file://" + path);
        if (await page.evaluate(() => document.documentElement.scrollWidth > innerWidth))
          problems.push("wider than the screen");
        await page.evaluate(axe);
        const { violations, passes } = await page.evaluate(() => axe.run());
        for (const v of violations)
          if (["serious", "critical"].includes(v.impact)) problems.push(`${v.id}: ${v.nodes[0].html}`);
        found.push({ path, colorScheme, width, problems, passes: passes.length });
        await context.close();
      }
  await browser.close();
  console.log(JSON.stringify(found));
})();
