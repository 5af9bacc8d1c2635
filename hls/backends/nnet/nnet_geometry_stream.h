#ifndef TRIGFORGE_GEOMETRY_STREAM_H_
#define TRIGFORGE_GEOMETRY_STREAM_H_

// Operations on streamed images that change their size. Rows and columns are never mixed up, so
// images need not be square.

#include "hls_stream.h"

namespace nnet {

// out_height rows from CONFIG_T::top on, out_width columns from CONFIG_T::left on
template <class data_T, class res_T, typename CONFIG_T>
void crop_cl(hls::stream<data_T> &data, hls::stream<res_T> &res) {
CropRow:
    for (unsigned row = 0; row < CONFIG_T::in_height; row++) {
    CropColumn:
        for (unsigned column = 0; column < CONFIG_T::in_width; column++) {
            #pragma HLS LOOP_FLATTEN
            #pragma HLS PIPELINE II=1
            data_T in = data.read();
            res_T out;
            PRAGMA_DATA_PACK(out)
            for (unsigned c = 0; c < CONFIG_T::n_chan; c++) {
                #pragma HLS UNROLL
                out[c] = in[c];
            }
            if (row >= CONFIG_T::top && row < CONFIG_T::top + CONFIG_T::out_height && column >= CONFIG_T::left &&
                column < CONFIG_T::left + CONFIG_T::out_width)
                res.write(out);
        }
    }
}

// one vector at every pixel
template <class data_T, class res_T, typename CONFIG_T>
void tile_cl(hls::stream<data_T> &data, hls::stream<res_T> &res) {
    data_T in = data.read();
Tile:
    for (unsigned pixel = 0; pixel < CONFIG_T::out_height * CONFIG_T::out_width; pixel++) {
        #pragma HLS PIPELINE II=1
        res_T out;
        PRAGMA_DATA_PACK(out)
        for (unsigned c = 0; c < CONFIG_T::n_chan; c++) {
            #pragma HLS UNROLL
            out[c] = in[c];
        }
        res.write(out);
    }
}

// a vector, channels slowest, becomes an image
template <class data_T, class res_T, typename CONFIG_T>
void unflatten_cl(hls::stream<data_T> &data, hls::stream<res_T> &res) {
    static const unsigned pixels = CONFIG_T::out_height * CONFIG_T::out_width;
    data_T in = data.read();
Unflatten:
    for (unsigned pixel = 0; pixel < pixels; pixel++) {
        #pragma HLS PIPELINE II=1
        res_T out;
        PRAGMA_DATA_PACK(out)
        for (unsigned c = 0; c < CONFIG_T::n_chan; c++) {
            #pragma HLS UNROLL
            out[c] = in[c * pixels + pixel];
        }
        res.write(out);
    }
}

// every pixel becomes two by two; a row is repeated from a buffer
template <class data_T, class res_T, typename CONFIG_T>
void nearest_cl(hls::stream<data_T> &data, hls::stream<res_T> &res) {
    typedef typename data_T::value_type value_T;
    value_T line[CONFIG_T::in_width][CONFIG_T::n_chan];
    #pragma HLS ARRAY_PARTITION variable=line complete dim=2
NearestRow:
    for (unsigned row = 0; row < CONFIG_T::out_height; row++) {
    NearestColumn:
        for (unsigned column = 0; column < CONFIG_T::out_width; column++) {
            #pragma HLS LOOP_FLATTEN
            #pragma HLS PIPELINE II=1
            if (row % 2 == 0 && column % 2 == 0) {
                data_T in = data.read();
                for (unsigned c = 0; c < CONFIG_T::n_chan; c++) {
                    #pragma HLS UNROLL
                    line[column / 2][c] = in[c];
                }
            }
            res_T out;
            PRAGMA_DATA_PACK(out)
            for (unsigned c = 0; c < CONFIG_T::n_chan; c++) {
                #pragma HLS UNROLL
                out[c] = line[column / 2][c];
            }
            res.write(out);
        }
    }
}

// half-pixel centres: along each axis 3/4 of the nearer and 1/4 of the farther neighbour; the first and
// last pixels repeat beyond the edges
template <class data_T, class res_T, typename CONFIG_T>
void bilinear_cl(hls::stream<data_T> &data, hls::stream<res_T> &res) {
    typedef typename data_T::value_type value_T;
    const ap_ufixed<2, 0> quarter = 0.25;
    const ap_ufixed<2, 0> rest = 0.75;
    value_T above[CONFIG_T::in_width][CONFIG_T::n_chan];
    value_T below[CONFIG_T::in_width][CONFIG_T::n_chan];
    #pragma HLS ARRAY_PARTITION variable=above complete dim=0
    #pragma HLS ARRAY_PARTITION variable=below complete dim=0

    // one step more than there are rows: the last one repeats the bottom row
BilinearRow:
    for (unsigned row = 0; row <= CONFIG_T::in_height; row++) {
    Read:
        for (unsigned column = 0; column < CONFIG_T::in_width; column++) {
            #pragma HLS PIPELINE II=1
            data_T in;
            if (row < CONFIG_T::in_height)
                in = data.read();
            for (unsigned c = 0; c < CONFIG_T::n_chan; c++) {
                #pragma HLS UNROLL
                if (row > 0)
                    above[column][c] = below[column][c];
                if (row < CONFIG_T::in_height)
                    below[column][c] = in[c];
                if (row == 0)
                    above[column][c] = in[c];
            }
        }
    Half:
        for (unsigned half = 0; half < 2; half++) {
            const bool exists = half == 0 ? row > 0 : row < CONFIG_T::in_height;
        Write:
            for (unsigned column = 0; exists && column < CONFIG_T::out_width; column++) {
                #pragma HLS PIPELINE II=1
                const unsigned nearer = column / 2;
                const unsigned left = nearer > 0 ? nearer - 1 : 0;
                const unsigned right = nearer + 1 < CONFIG_T::in_width ? nearer + 1 : nearer;
                const unsigned farther = column % 2 ? right : left;
                res_T out;
                PRAGMA_DATA_PACK(out)
                for (unsigned c = 0; c < CONFIG_T::n_chan; c++) {
                    #pragma HLS UNROLL
                    const ap_ufixed<2, 0> upper = half == 0 ? rest : quarter;
                    const ap_ufixed<2, 0> lower = half == 0 ? quarter : rest;
                    out[c] = rest * (upper * above[nearer][c] + lower * below[nearer][c]) +
                             quarter * (upper * above[farther][c] + lower * below[farther][c]);
                }
                res.write(out);
            }
        }
    }
}

} // namespace nnet

#endif
