#ifndef TRIGFORGE_PIXELWISE_STREAM_H_
#define TRIGFORGE_PIXELWISE_STREAM_H_

// Operations on streamed images that treat every pixel by itself. Types are wide enough for every
// value, so each assignment is exact; only a quantiser's result type truncates and saturates.
// Channels are worked on in parallel, one pixel per clock.

#include "ap_int.h"
#include "hls_stream.h"

namespace nnet {

// y = x in another type; nothing below CONFIG_T::lowest or above CONFIG_T::highest
template <class data_T, class res_T, typename CONFIG_T>
void quantise_cl(hls::stream<data_T> &data, hls::stream<res_T> &res) {
    typedef typename res_T::value_type value_T;
    const value_T lowest = CONFIG_T::lowest;
    const value_T highest = CONFIG_T::highest;
Quantise:
    for (unsigned pixel = 0; pixel < CONFIG_T::pixels; pixel++) {
        #pragma HLS PIPELINE II=1
        data_T in = data.read();
        res_T out;
        PRAGMA_DATA_PACK(out)
        for (unsigned c = 0; c < CONFIG_T::n_chan; c++) {
            #pragma HLS UNROLL
            const typename CONFIG_T::wide_t x = in[c];
            value_T y = x;
            out[c] = y < lowest ? lowest : y > highest ? highest : y;
        }
        res.write(out);
    }
}

// y = first(c) + step(c) for every threshold of channel c that x has reached
template <class data_T, class res_T, typename CONFIG_T>
void thresholds_cl(hls::stream<data_T> &data, hls::stream<res_T> &res) {
Thresholds:
    for (unsigned pixel = 0; pixel < CONFIG_T::pixels; pixel++) {
        #pragma HLS PIPELINE II=1
        data_T in = data.read();
        res_T out;
        PRAGMA_DATA_PACK(out)
        for (unsigned c = 0; c < CONFIG_T::n_chan; c++) {
            #pragma HLS UNROLL
            unsigned reached = 0;
            for (unsigned k = 0; k < CONFIG_T::count; k++) {
                #pragma HLS UNROLL
                if (in[c] >= CONFIG_T::threshold(c * CONFIG_T::count + k))
                    reached++;
            }
            out[c] = CONFIG_T::first(c) + CONFIG_T::step(c) * ap_uint<16>(reached);
        }
        res.write(out);
    }
}

// y = x where x >= 0, slope(c) x elsewhere
template <class data_T, class res_T, typename CONFIG_T>
void prelu_cl(hls::stream<data_T> &data, hls::stream<res_T> &res) {
Prelu:
    for (unsigned pixel = 0; pixel < CONFIG_T::pixels; pixel++) {
        #pragma HLS PIPELINE II=1
        data_T in = data.read();
        res_T out;
        PRAGMA_DATA_PACK(out)
        for (unsigned c = 0; c < CONFIG_T::n_chan; c++) {
            #pragma HLS UNROLL
            if (in[c] >= 0)
                out[c] = in[c];
            else
                out[c] = in[c] * CONFIG_T::slope(c);
        }
        res.write(out);
    }
}

// y = factor(c) x + offset(c)
template <class data_T, class res_T, typename CONFIG_T>
void scale_cl(hls::stream<data_T> &data, hls::stream<res_T> &res) {
Scale:
    for (unsigned pixel = 0; pixel < CONFIG_T::pixels; pixel++) {
        #pragma HLS PIPELINE II=1
        data_T in = data.read();
        res_T out;
        PRAGMA_DATA_PACK(out)
        for (unsigned c = 0; c < CONFIG_T::n_chan; c++) {
            #pragma HLS UNROLL
            out[c] = in[c] * CONFIG_T::factor(c) + CONFIG_T::offset(c);
        }
        res.write(out);
    }
}

// y = x x
template <class data_T, class res_T, typename CONFIG_T>
void square_cl(hls::stream<data_T> &data, hls::stream<res_T> &res) {
Square:
    for (unsigned pixel = 0; pixel < CONFIG_T::pixels; pixel++) {
        #pragma HLS PIPELINE II=1
        data_T in = data.read();
        res_T out;
        PRAGMA_DATA_PACK(out)
        for (unsigned c = 0; c < CONFIG_T::n_chan; c++) {
            #pragma HLS UNROLL
            out[c] = in[c] * in[c];
        }
        res.write(out);
    }
}

// y = entry(i), i the bits of x
template <class data_T, class res_T, typename CONFIG_T>
void lookup_cl(hls::stream<data_T> &data, hls::stream<res_T> &res) {
Lookup:
    for (unsigned pixel = 0; pixel < CONFIG_T::pixels; pixel++) {
        #pragma HLS PIPELINE II=1
        data_T in = data.read();
        res_T out;
        PRAGMA_DATA_PACK(out)
        for (unsigned c = 0; c < CONFIG_T::n_chan; c++) {
            #pragma HLS UNROLL
            ap_uint<CONFIG_T::in_bits> bits = in[c](CONFIG_T::in_bits - 1, 0);
            out[c] = CONFIG_T::entry(bits.to_uint());
        }
        res.write(out);
    }
}

// y = a + b
template <class a_T, class b_T, class res_T, typename CONFIG_T>
void add_cl(hls::stream<a_T> &left, hls::stream<b_T> &right, hls::stream<res_T> &res) {
Add:
    for (unsigned pixel = 0; pixel < CONFIG_T::pixels; pixel++) {
        #pragma HLS PIPELINE II=1
        a_T a = left.read();
        b_T b = right.read();
        res_T out;
        PRAGMA_DATA_PACK(out)
        for (unsigned c = 0; c < CONFIG_T::n_chan; c++) {
            #pragma HLS UNROLL
            out[c] = a[c] + b[c];
        }
        res.write(out);
    }
}

// y = a - b
template <class a_T, class b_T, class res_T, typename CONFIG_T>
void sub_cl(hls::stream<a_T> &left, hls::stream<b_T> &right, hls::stream<res_T> &res) {
Sub:
    for (unsigned pixel = 0; pixel < CONFIG_T::pixels; pixel++) {
        #pragma HLS PIPELINE II=1
        a_T a = left.read();
        b_T b = right.read();
        res_T out;
        PRAGMA_DATA_PACK(out)
        for (unsigned c = 0; c < CONFIG_T::n_chan; c++) {
            #pragma HLS UNROLL
            out[c] = a[c] - b[c];
        }
        res.write(out);
    }
}

// y = a b
template <class a_T, class b_T, class res_T, typename CONFIG_T>
void mul_cl(hls::stream<a_T> &left, hls::stream<b_T> &right, hls::stream<res_T> &res) {
Mul:
    for (unsigned pixel = 0; pixel < CONFIG_T::pixels; pixel++) {
        #pragma HLS PIPELINE II=1
        a_T a = left.read();
        b_T b = right.read();
        res_T out;
        PRAGMA_DATA_PACK(out)
        for (unsigned c = 0; c < CONFIG_T::n_chan; c++) {
            #pragma HLS UNROLL
            out[c] = a[c] * b[c];
        }
        res.write(out);
    }
}

// channels CONFIG_T::start to CONFIG_T::start + CONFIG_T::n_chan - 1
template <class data_T, class res_T, typename CONFIG_T>
void split_cl(hls::stream<data_T> &data, hls::stream<res_T> &res) {
Split:
    for (unsigned pixel = 0; pixel < CONFIG_T::pixels; pixel++) {
        #pragma HLS PIPELINE II=1
        data_T in = data.read();
        res_T out;
        PRAGMA_DATA_PACK(out)
        for (unsigned c = 0; c < CONFIG_T::n_chan; c++) {
            #pragma HLS UNROLL
            out[c] = in[CONFIG_T::start + c];
        }
        res.write(out);
    }
}

// the first CONFIG_T::kept channels are the input's, the others constant(i), i = pixel * others + k
template <class data_T, class res_T, typename CONFIG_T>
void append_cl(hls::stream<data_T> &data, hls::stream<res_T> &res) {
    static const unsigned others = CONFIG_T::n_chan - CONFIG_T::kept;
Append:
    for (unsigned pixel = 0; pixel < CONFIG_T::pixels; pixel++) {
        #pragma HLS PIPELINE II=1
        data_T in = data.read();
        res_T out;
        PRAGMA_DATA_PACK(out)
        for (unsigned c = 0; c < CONFIG_T::kept; c++) {
            #pragma HLS UNROLL
            out[c] = in[c];
        }
        for (unsigned k = 0; k < others; k++) {
            #pragma HLS UNROLL
            out[CONFIG_T::kept + k] = CONFIG_T::constant(pixel * others + k);
        }
        res.write(out);
    }
}

} // namespace nnet

#endif
