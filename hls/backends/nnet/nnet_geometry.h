#ifndef TRIGFORGE_GEOMETRY_H_
#define TRIGFORGE_GEOMETRY_H_

// The operations of nnet_geometry_stream.h and max-pooling on whole images in registers (io_parallel).
// Indices are constants after unrolling, so all but the arithmetic is wires.

#include "ap_fixed.h"

namespace nnet {

// out_height rows from CONFIG_T::top on, out_width columns from CONFIG_T::left on
template <class data_T, class res_T, typename CONFIG_T>
void crop_cl(data_T data[CONFIG_T::in_height * CONFIG_T::in_width * CONFIG_T::n_chan],
             res_T res[CONFIG_T::out_height * CONFIG_T::out_width * CONFIG_T::n_chan]) {
    #pragma HLS PIPELINE
    for (unsigned row = 0; row < CONFIG_T::out_height; row++) {
        for (unsigned i = 0; i < CONFIG_T::out_width * CONFIG_T::n_chan; i++)
            res[row * CONFIG_T::out_width * CONFIG_T::n_chan + i] =
                data[((row + CONFIG_T::top) * CONFIG_T::in_width + CONFIG_T::left) * CONFIG_T::n_chan + i];
    }
}

// one vector at every pixel
template <class data_T, class res_T, typename CONFIG_T>
void tile_cl(data_T data[CONFIG_T::n_chan], res_T res[CONFIG_T::out_height * CONFIG_T::out_width * CONFIG_T::n_chan]) {
    #pragma HLS PIPELINE
    for (unsigned i = 0; i < CONFIG_T::out_height * CONFIG_T::out_width * CONFIG_T::n_chan; i++)
        res[i] = data[i % CONFIG_T::n_chan];
}

// a vector, channels slowest, becomes an image
template <class data_T, class res_T, typename CONFIG_T>
void unflatten_cl(data_T data[CONFIG_T::out_height * CONFIG_T::out_width * CONFIG_T::n_chan],
                  res_T res[CONFIG_T::out_height * CONFIG_T::out_width * CONFIG_T::n_chan]) {
    #pragma HLS PIPELINE
    static const unsigned pixels = CONFIG_T::out_height * CONFIG_T::out_width;
    for (unsigned pixel = 0; pixel < pixels; pixel++) {
        for (unsigned c = 0; c < CONFIG_T::n_chan; c++)
            res[pixel * CONFIG_T::n_chan + c] = data[c * pixels + pixel];
    }
}

// every pixel becomes two by two
template <class data_T, class res_T, typename CONFIG_T>
void nearest_cl(data_T data[CONFIG_T::in_height * CONFIG_T::in_width * CONFIG_T::n_chan],
                res_T res[CONFIG_T::out_height * CONFIG_T::out_width * CONFIG_T::n_chan]) {
    #pragma HLS PIPELINE
    for (unsigned row = 0; row < CONFIG_T::out_height; row++) {
        for (unsigned column = 0; column < CONFIG_T::out_width; column++) {
            for (unsigned c = 0; c < CONFIG_T::n_chan; c++)
                res[(row * CONFIG_T::out_width + column) * CONFIG_T::n_chan + c] =
                    data[(row / 2 * CONFIG_T::in_width + column / 2) * CONFIG_T::n_chan + c];
        }
    }
}

// the neighbour that counts a quarter: the last one repeats beyond the edges
inline unsigned farther_neighbour(unsigned position, unsigned size) {
    #pragma HLS INLINE
    const unsigned nearer = position / 2;
    if (position % 2)
        return nearer + 1 < size ? nearer + 1 : nearer;
    return nearer > 0 ? nearer - 1 : 0;
}

// half-pixel centres: along each axis 3/4 of the nearer and 1/4 of the farther neighbour
template <class data_T, class res_T, typename CONFIG_T>
void bilinear_cl(data_T data[CONFIG_T::in_height * CONFIG_T::in_width * CONFIG_T::n_chan],
                 res_T res[CONFIG_T::out_height * CONFIG_T::out_width * CONFIG_T::n_chan]) {
    #pragma HLS PIPELINE
    const ap_ufixed<2, 0> quarter = 0.25;
    const ap_ufixed<2, 0> rest = 0.75;
    for (unsigned row = 0; row < CONFIG_T::out_height; row++) {
        const unsigned near_row = row / 2 * CONFIG_T::in_width;
        const unsigned far_row = farther_neighbour(row, CONFIG_T::in_height) * CONFIG_T::in_width;
        for (unsigned column = 0; column < CONFIG_T::out_width; column++) {
            const unsigned nearer = column / 2;
            const unsigned farther = farther_neighbour(column, CONFIG_T::in_width);
            for (unsigned c = 0; c < CONFIG_T::n_chan; c++)
                res[(row * CONFIG_T::out_width + column) * CONFIG_T::n_chan + c] =
                    rest * (rest * data[(near_row + nearer) * CONFIG_T::n_chan + c] +
                            quarter * data[(far_row + nearer) * CONFIG_T::n_chan + c]) +
                    quarter * (rest * data[(near_row + farther) * CONFIG_T::n_chan + c] +
                               quarter * data[(far_row + farther) * CONFIG_T::n_chan + c]);
        }
    }
}

// any window, stride and frame; pixels of the frame never win a maximum
template <class data_T, class res_T, typename CONFIG_T>
void max_pool_2d_cl(data_T data[CONFIG_T::in_height * CONFIG_T::in_width * CONFIG_T::n_chan],
                    res_T res[CONFIG_T::out_height * CONFIG_T::out_width * CONFIG_T::n_chan]) {
    #pragma HLS PIPELINE
    for (unsigned row = 0; row < CONFIG_T::out_height; row++) {
        for (unsigned column = 0; column < CONFIG_T::out_width; column++) {
            for (unsigned c = 0; c < CONFIG_T::n_chan; c++) {
                data_T best = CONFIG_T::lowest;
                for (unsigned k = 0; k < CONFIG_T::pool_height; k++) {
                    for (unsigned l = 0; l < CONFIG_T::pool_width; l++) {
                        const int i = int(row * CONFIG_T::stride_height + k) - int(CONFIG_T::pad_top);
                        const int j = int(column * CONFIG_T::stride_width + l) - int(CONFIG_T::pad_left);
                        if (i < 0 || j < 0 || i >= int(CONFIG_T::in_height) || j >= int(CONFIG_T::in_width))
                            continue;
                        const data_T x = data[(i * CONFIG_T::in_width + j) * CONFIG_T::n_chan + c];
                        if (x > best)
                            best = x;
                    }
                }
                res[(row * CONFIG_T::out_width + column) * CONFIG_T::n_chan + c] = best;
            }
        }
    }
}

} // namespace nnet

#endif
