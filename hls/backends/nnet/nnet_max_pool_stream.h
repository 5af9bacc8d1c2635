#ifndef TRIGFORGE_MAX_POOL_STREAM_H_
#define TRIGFORGE_MAX_POOL_STREAM_H_

// Max-pooling of a streamed image with any window, stride and frame. Pixels of the frame never win a
// maximum. hls4ml 1.3.0 refuses padded and overlapping windows in io_stream with an assertion.

#include "hls_stream.h"

namespace nnet {

template <class data_T, class res_T, typename CONFIG_T>
void max_pool_2d_cl(hls::stream<data_T> &data, hls::stream<res_T> &res) {
    typedef typename data_T::value_type value_T;
    static const unsigned height = CONFIG_T::pad_top + CONFIG_T::in_height + CONFIG_T::pad_bottom;
    static const unsigned width = CONFIG_T::pad_left + CONFIG_T::in_width + CONFIG_T::pad_right;
    const value_T lowest = CONFIG_T::lowest;

    // the last rows of the framed image, and the maxima of the last columns of the window: per pixel only
    // one column is read and written, which a memory with two ports can do every cycle
    value_T rows[CONFIG_T::pool_height][width][CONFIG_T::n_chan];
    #pragma HLS ARRAY_PARTITION variable=rows complete dim=1
    #pragma HLS ARRAY_PARTITION variable=rows complete dim=3
    value_T columns[CONFIG_T::pool_width][CONFIG_T::n_chan];
    #pragma HLS ARRAY_PARTITION variable=columns complete dim=0

PoolRow:
    for (unsigned row = 0; row < height; row++) {
    PoolColumn:
        for (unsigned column = 0; column < width; column++) {
            #pragma HLS LOOP_FLATTEN
            #pragma HLS PIPELINE II=1
            const bool inside = row >= CONFIG_T::pad_top && row < CONFIG_T::pad_top + CONFIG_T::in_height &&
                                column >= CONFIG_T::pad_left && column < CONFIG_T::pad_left + CONFIG_T::in_width;
            const bool complete = row + 1 >= CONFIG_T::pool_height && column + 1 >= CONFIG_T::pool_width &&
                                  (row + 1 - CONFIG_T::pool_height) % CONFIG_T::stride_height == 0 &&
                                  (column + 1 - CONFIG_T::pool_width) % CONFIG_T::stride_width == 0;
            data_T pixel;
            if (inside)
                pixel = data.read();
            res_T out;
            PRAGMA_DATA_PACK(out)

        Channels:
            for (unsigned c = 0; c < CONFIG_T::n_chan; c++) {
                #pragma HLS UNROLL
                value_T tallest = inside ? value_T(pixel[c]) : lowest;
                for (unsigned r = 0; r + 1 < CONFIG_T::pool_height; r++) {
                    #pragma HLS UNROLL
                    rows[r][column][c] = rows[r + 1][column][c];
                }
                rows[CONFIG_T::pool_height - 1][column][c] = tallest;
                for (unsigned r = 0; r + 1 < CONFIG_T::pool_height; r++) {
                    #pragma HLS UNROLL
                    if (row + r + 1 >= CONFIG_T::pool_height && rows[r][column][c] > tallest)
                        tallest = rows[r][column][c];
                }
                for (unsigned k = 0; k + 1 < CONFIG_T::pool_width; k++) {
                    #pragma HLS UNROLL
                    columns[k][c] = columns[k + 1][c];
                }
                columns[CONFIG_T::pool_width - 1][c] = tallest;
                value_T best = tallest;
                for (unsigned k = 0; k + 1 < CONFIG_T::pool_width; k++) {
                    #pragma HLS UNROLL
                    if (columns[k][c] > best)
                        best = columns[k][c];
                }
                out[c] = best;
            }
            if (complete)
                res.write(out);
        }
    }
}

} // namespace nnet

#endif
