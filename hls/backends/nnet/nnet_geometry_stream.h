#ifndef TRIGFORGE_GEOMETRY_STREAM_H_
#define TRIGFORGE_GEOMETRY_STREAM_H_

// Operations on streamed images that change their size. Rows and columns are never mixed up, so
// images need not be square.

#include "hls_stream.h"

namespace nnet {

struct geometry_config {
    static const unsigned in_height = 1;
    static const unsigned in_width = 1;
    static const unsigned out_height = 1;
    static const unsigned out_width = 1;
    static const unsigned n_chan = 1;
};

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

} // namespace nnet

#endif
