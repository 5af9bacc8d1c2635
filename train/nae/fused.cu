// Langevin chains of the jet-image autoencoder (trigforge/train/nae/network.py): one block walks one
// chain from its first step to its last. All activations of an image stay in shared memory; of a layer
// the gradient needs only the signs, one bit per channel, since no weight is trained here.
//
// Compiled by nvcc for a GPU, or by a C++ compiler, where a block has a single thread: that is what the
// tests compare with automatic differentiation. Every phase is a loop over work items between barriers.

#include <cmath>
#include <cstdint>
#include <cstddef>

#ifdef __CUDACC__
#define DEVICE __device__ __forceinline__
#define THREAD threadIdx.x
#define THREADS blockDim.x
#define BARRIER __syncthreads()
#define UNROLL _Pragma("unroll")
#else
#define DEVICE static inline
#define THREAD 0
#define THREADS 1
#define BARRIER
#define UNROLL
#endif

#define EACH(index, count) for (int index = THREAD; index < (count); index += THREADS)

namespace {

constexpr int C = 8;          // filters
constexpr int L = 40;         // rows and columns of an image
constexpr int S = 20;         // of a pooled image
constexpr int LP = L + 2;     // with a frame of zeros
constexpr int SP = S + 2;
constexpr int H = 100;        // hidden units
constexpr int Z = 3;          // latents
constexpr int REDUCE = 20;

constexpr float EPSILON = 1e-12f, SMALLEST = 1.17549435e-38f;

// Parameters as fused.py packs them, every part padded to four. Kernels lie as (input, row, column,
// output): once as they act, once turned and with inputs and outputs exchanged, for gradients. Dense
// layers lie as (input, output), and turned.
constexpr int padded(int count) { return (count + 3) / 4 * 4; }

template <int AT, int INPUTS, int OUTPUTS, int TAPS>
struct Layer {
    static constexpr int weights = padded(INPUTS * OUTPUTS * TAPS);
    static constexpr int weight = AT, bias = AT + weights, slope = bias + padded(OUTPUTS);
    static constexpr int turned = slope + 4, end = turned + weights;
};

using E1 = Layer<0, 1, C, 9>;
using E2 = Layer<E1::end, C, C, 9>;
constexpr int POOLED = E2::end;  // slope behind the pool
using E3 = Layer<POOLED + 4, C, C, 9>;
using E4 = Layer<E3::end, C, C, 9>;
using E5 = Layer<E4::end, C, 1, 9>;
using D1 = Layer<E5::end, 1, C, 9>;
using D2 = Layer<D1::end, C, C, 9>;
constexpr int DOUBLED = D2::end;  // slope behind the doubling
using D3 = Layer<DOUBLED + 4, C, C, 9>;
using D4 = Layer<D3::end, C, 1, 9>;
constexpr int CONVOLUTIONS = D4::end;
using F1 = Layer<CONVOLUTIONS, S * S, H, 1>;
using F2 = Layer<F1::end, H, Z, 1>;
using G1 = Layer<F2::end, Z, H, 1>;
using G2 = Layer<G1::end, H, S * S, 1>;
constexpr int PARAMETERS = G2::end;

struct EncoderSigns {
    uint8_t e1[L * L], e2[L * L], pooled[S * S], e3[S * S], e4[S * S], e5[S * S], f1[H];
    uint16_t largest[S * S];  // two bits per channel: which of four pixels the pool took
};

struct DecoderSigns {
    uint8_t g1[H], g2[S * S], d1[S * S], d2[S * S], doubled[L * L], d3[L * L];
};

struct Memory {
    float a[C * LP * LP], b[C * LP * LP];
    float image[LP * LP];   // where the energy is evaluated
    float plane[LP * LP];   // logits and gradients of one channel
    float p[L * L], first[L * L];  // pixels of the reconstruction, and of what latents decode to
    float gradient[L * L];
    float hidden[H], latent[Z], raw[Z], latent_gradient[Z], point[Z];
    float partial[S * S + REDUCE], scalar;
    EncoderSigns encoder;
    DecoderSigns decoder, decoder_first;
    alignas(16) float convolutions[CONVOLUTIONS];
};

DEVICE float activated(float v, float slope) { return v > 0.0f ? v : v * slope; }

// Planes with a frame: INPUTS -> OUTPUTS channels of ROWS x ROWS pixels. A work item is all outputs of
// four rows of a large image, of one of a small: 400 items either way. `finish(y, x, sums)` takes them.
template <int INPUTS, int OUTPUTS, int ROWS, typename Finish>
DEVICE void convolve(const float* in, const float* weight, Finish finish) {
    constexpr int PITCH = ROWS + 2, PLANE = PITCH * PITCH, TILE = ROWS == L ? 4 : 1;
    EACH(item, ROWS * ROWS / TILE) {
        const int x = item % ROWS, y = item / ROWS * TILE;
        float sum[TILE][OUTPUTS];
        UNROLL
        for (int t = 0; t < TILE; ++t) {
            UNROLL
            for (int k = 0; k < OUTPUTS; ++k) sum[t][k] = 0.0f;
        }
        for (int c = 0; c < INPUTS; ++c) {
            const float* source = in + c * PLANE + y * PITCH + x;
            const float* w =
                static_cast<const float*>(__builtin_assume_aligned(weight + c * 9 * OUTPUTS, 4 * (OUTPUTS % 4 ? 1 : 4)));
            float window[TILE + 2][3];
            UNROLL
            for (int r = 0; r < TILE + 2; ++r) {
                UNROLL
                for (int s = 0; s < 3; ++s) window[r][s] = source[r * PITCH + s];
            }
            UNROLL
            for (int r = 0; r < 3; ++r) {
                UNROLL
                for (int s = 0; s < 3; ++s) {
                    UNROLL
                    for (int k = 0; k < OUTPUTS; ++k) {
                        const float factor = w[(r * 3 + s) * OUTPUTS + k];
                        UNROLL
                        for (int t = 0; t < TILE; ++t) sum[t][k] += factor * window[t + r][s];
                    }
                }
            }
        }
        UNROLL
        for (int t = 0; t < TILE; ++t) finish(y + t, x, sum[t]);
    }
    BARRIER;
}

// Convolution, bias and PReLU; signs are kept.
template <typename At, int INPUTS, int OUTPUTS, int ROWS>
DEVICE void layer(const float* in, float* out, const float* p, uint8_t* signs) {
    constexpr int PITCH = ROWS + 2, PLANE = PITCH * PITCH;
    const float slope = p[At::slope];
    convolve<INPUTS, OUTPUTS, ROWS>(
        in, p + At::weight, [=](int y, int x, const float* sum) {
            unsigned bits = 0;
            UNROLL
            for (int k = 0; k < OUTPUTS; ++k) {
                const float v = sum[k] + p[At::bias + k];
                bits |= unsigned(v > 0.0f) << k;
                out[k * PLANE + (y + 1) * PITCH + x + 1] = activated(v, slope);
            }
            signs[y * ROWS + x] = uint8_t(bits);
        });
}

// Gradient with respect to a layer's input, multiplied by the slopes of the PReLU in front of it.
// OUTPUTS of this convolution are the layer's inputs.
template <int INPUTS, int OUTPUTS, int ROWS>
DEVICE void back(const float* in, float* out, const float* p, int turned, const uint8_t* signs,
                 float slope) {
    constexpr int PITCH = ROWS + 2, PLANE = PITCH * PITCH;
    convolve<INPUTS, OUTPUTS, ROWS>(
        in, p + turned, [=](int y, int x, const float* sum) {
            const unsigned bits = signs[y * ROWS + x];
            UNROLL
            for (int k = 0; k < OUTPUTS; ++k) {
                const bool positive = bits >> k & 1u;
                out[k * PLANE + (y + 1) * PITCH + x + 1] = positive ? sum[k] : sum[k] * slope;
            }
        });
}

DEVICE void clear(float* planes, int count) {
    EACH(i, count) planes[i] = 0.0f;
    BARRIER;
}

// y = W x, `groups` partial sums per output; weight (inputs, outputs).
template <int INPUTS, int OUTPUTS, int GROUPS, typename Finish>
DEVICE void dense(const float* in, const float* weight, float* partial, Finish finish) {
    constexpr int SHARE = INPUTS / GROUPS;
    EACH(item, OUTPUTS * GROUPS) {
        const int o = item % OUTPUTS, g = item / OUTPUTS;
        const float *w = weight + g * SHARE * OUTPUTS + o, *x = in + g * SHARE;
        float sum = 0.0f;
        UNROLL
        for (int i = 0; i < SHARE; ++i) sum += w[i * OUTPUTS] * x[i];
        partial[item] = sum;
    }
    BARRIER;
    EACH(o, OUTPUTS) {
        float sum = 0.0f;
        for (int g = 0; g < GROUPS; ++g) sum += partial[g * OUTPUTS + o];
        finish(o, sum);
    }
    BARRIER;
}

// Sum of values(i) over i < count into m.scalar.
template <typename Values>
DEVICE void total(Memory& m, int count, Values values) {
    EACH(t, S * S) {
        float sum = 0.0f;
        for (int i = t; i < count; i += S * S) sum += values(i);
        m.partial[t] = sum;
    }
    BARRIER;
    EACH(t, REDUCE) {
        float sum = 0.0f;
        for (int i = 0; i < S * S / REDUCE; ++i) sum += m.partial[i * REDUCE + t];
        m.partial[S * S + t] = sum;
    }
    BARRIER;
    EACH(t, 1) {
        float sum = 0.0f;
        for (int i = 0; i < REDUCE; ++i) sum += m.partial[S * S + i];
        m.scalar = sum;
    }
    BARRIER;
}

// m.image -> m.raw, m.latent
DEVICE void encode(Memory& m, const float* weights) {
    const float* p = m.convolutions;
    EncoderSigns& s = m.encoder;
    clear(m.a, C * LP * LP);
    layer<E1, 1, C, L>(m.image, m.a, p, s.e1);
    layer<E2, C, C, L>(m.a, m.b, p, s.e2);
    clear(m.a, C * SP * SP);
    EACH(i, S * S) {
        const int y = i / S, x = i % S;
        unsigned bits = 0, which = 0;
        for (int c = 0; c < C; ++c) {
            const float* source = m.b + c * LP * LP + (2 * y + 1) * LP + 2 * x + 1;
            float best = source[0];
            unsigned at = 0;
            if (source[1] > best) best = source[1], at = 1;
            if (source[LP] > best) best = source[LP], at = 2;
            if (source[LP + 1] > best) best = source[LP + 1], at = 3;
            which |= at << 2 * c;
            bits |= unsigned(best > 0.0f) << c;
            m.a[c * SP * SP + (y + 1) * SP + x + 1] = activated(best, p[POOLED]);
        }
        s.largest[i] = uint16_t(which);
        s.pooled[i] = uint8_t(bits);
    }
    BARRIER;
    clear(m.b, C * SP * SP);
    layer<E3, C, C, S>(m.a, m.b, p, s.e3);
    layer<E4, C, C, S>(m.b, m.a, p, s.e4);
    float* flat = m.b;
    convolve<C, 1, S>(m.a, p + E5::weight, [&m, &s, p, flat](int y, int x, const float* sum) {
        const float v = sum[0] + p[E5::bias];
        s.e5[y * S + x] = v > 0.0f;
        flat[y * S + x] = activated(v, p[E5::slope]);
    });
    dense<S * S, H, 4>(flat, weights + F1::weight, m.partial, [&m, &s, weights](int o, float sum) {
        const float v = sum + weights[F1::bias + o];
        s.f1[o] = v > 0.0f;
        m.hidden[o] = activated(v, weights[F1::slope]);
    });
    dense<H, Z, 20>(m.hidden, weights + F2::weight, m.partial, [&m, weights](int o, float sum) {
        m.raw[o] = sum + weights[F2::bias + o];
    });
    EACH(k, Z) {
        float square = 0.0f;
        for (int i = 0; i < Z; ++i) square += m.raw[i] * m.raw[i];
        m.latent[k] = m.raw[k] / fmaxf(sqrtf(square), EPSILON);
    }
    BARRIER;
}

// latent (Z,) -> pixels (L * L,) within (0, 1)
DEVICE void decode(Memory& m, const float* weights, const float* latent, float* pixels,
                   DecoderSigns& s) {
    const float* p = m.convolutions;
    dense<Z, H, 1>(latent, weights + G1::weight, m.partial, [&m, &s, weights](int o, float sum) {
        const float v = sum + weights[G1::bias + o];
        s.g1[o] = v > 0.0f;
        m.hidden[o] = activated(v, weights[G1::slope]);
    });
    clear(m.plane, SP * SP);
    dense<H, S * S, 1>(m.hidden, weights + G2::weight, m.partial, [&m, &s, weights](int o, float sum) {
        const float v = sum + weights[G2::bias + o];
        s.g2[o] = v > 0.0f;
        m.plane[(o / S + 1) * SP + o % S + 1] = activated(v, weights[G2::slope]);
    });
    clear(m.b, C * SP * SP);
    layer<D1, 1, C, S>(m.plane, m.b, p, s.d1);
    // the doubling needs no frame
    layer<D2, C, C, S>(m.b, m.a, p, s.d2);
    clear(m.b, C * LP * LP);
    EACH(i, L * L) {
        const int y = i / L, x = i % L;
        const int y0 = y / 2, y1 = y & 1 ? (y0 < S - 1 ? y0 + 1 : y0) : (y0 > 0 ? y0 - 1 : y0);
        const int x0 = x / 2, x1 = x & 1 ? (x0 < S - 1 ? x0 + 1 : x0) : (x0 > 0 ? x0 - 1 : x0);
        unsigned bits = 0;
        for (int c = 0; c < C; ++c) {
            const float* q = m.a + c * SP * SP + SP + 1;
            const float near = 0.75f * q[y0 * SP + x0] + 0.25f * q[y0 * SP + x1];
            const float far = 0.75f * q[y1 * SP + x0] + 0.25f * q[y1 * SP + x1];
            const float v = 0.75f * near + 0.25f * far;
            bits |= unsigned(v > 0.0f) << c;
            m.b[c * LP * LP + (y + 1) * LP + x + 1] = activated(v, p[DOUBLED]);
        }
        s.doubled[i] = uint8_t(bits);
    }
    BARRIER;
    clear(m.a, C * LP * LP);
    layer<D3, C, C, L>(m.b, m.a, p, s.d3);
    convolve<C, 1, L>(m.a, p + D4::weight, [p, pixels](int y, int x, const float* sum) {
        pixels[y * L + x] = 1.0f / (1.0f + expf(-(sum[0] + p[D4::bias])));
    });
}

// m.gradient with respect to the pixels -> m.latent_gradient with respect to the latent
DEVICE void back_decode(Memory& m, const float* weights, const float* pixels,
                        const DecoderSigns& s) {
    const float* p = m.convolutions;
    clear(m.plane, LP * LP);
    EACH(i, L * L) {
        const float v = pixels[i];
        m.plane[(i / L + 1) * LP + i % L + 1] = m.gradient[i] * v * (1.0f - v);
    }
    BARRIER;
    clear(m.a, C * LP * LP);
    back<1, C, L>(m.plane, m.a, p, D4::turned, s.d3, p[D3::slope]);
    clear(m.b, C * LP * LP);  // a frame of zeros: what the doubling reads beyond an edge
    back<C, C, L>(m.a, m.b, p, D3::turned, s.doubled, p[DOUBLED]);
    clear(m.a, C * SP * SP);
    EACH(i, S * S) {
        const int y = i / S, x = i % S;
        for (int c = 0; c < C; ++c) {
            const float* g = m.b + c * LP * LP + (2 * y + 1) * LP + 2 * x + 1;
            float sum = 0.0f;
            for (int r = -1; r < 3; ++r) {
                float row = 0.75f * (g[r * LP] + g[r * LP + 1]) + 0.25f * (g[r * LP - 1] + g[r * LP + 2]);
                if (x == 0) row += 0.25f * g[r * LP];
                if (x == S - 1) row += 0.25f * g[r * LP + 1];
                float share = r == 0 || r == 1 ? 0.75f : 0.25f;
                if ((y == 0 && r == 0) || (y == S - 1 && r == 1)) share = 1.0f;
                sum += share * row;
            }
            const bool positive = s.d2[i] >> c & 1;
            m.a[c * SP * SP + (y + 1) * SP + x + 1] = positive ? sum : sum * p[D2::slope];
        }
    }
    BARRIER;
    clear(m.b, C * SP * SP);
    back<C, C, S>(m.a, m.b, p, D2::turned, s.d1, p[D1::slope]);
    float* flat = m.plane;
    convolve<C, 1, S>(m.b, p + D1::turned, [&s, weights, flat](int y, int x, const float* sum) {
        flat[y * S + x] = s.g2[y * S + x] ? sum[0] : sum[0] * weights[G2::slope];
    });
    dense<S * S, H, 4>(flat, weights + G2::turned, m.partial, [&m, &s, weights](int o, float sum) {
        m.hidden[o] = s.g1[o] ? sum : sum * weights[G1::slope];
    });
    dense<H, Z, 20>(m.hidden, weights + G1::turned, m.partial,
                    [&m](int o, float sum) { m.latent_gradient[o] = sum; });
}

// m.latent_gradient -> added to m.gradient with respect to the image
DEVICE void back_encode(Memory& m, const float* weights) {
    const float* p = m.convolutions;
    const EncoderSigns& s = m.encoder;
    EACH(k, Z) {
        float along = 0.0f, square = 0.0f;
        for (int i = 0; i < Z; ++i) {
            along += m.latent[i] * m.latent_gradient[i];
            square += m.raw[i] * m.raw[i];
        }
        const float length = sqrtf(square);
        m.point[k] = length > EPSILON ? (m.latent_gradient[k] - along * m.latent[k]) / length
                                      : m.latent_gradient[k] / EPSILON;
    }
    BARRIER;
    dense<Z, H, 1>(m.point, weights + F2::turned, m.partial, [&m, &s, weights](int o, float sum) {
        m.hidden[o] = s.f1[o] ? sum : sum * weights[F1::slope];
    });
    clear(m.plane, SP * SP);
    dense<H, S * S, 1>(m.hidden, weights + F1::turned, m.partial, [&m, &s, p](int o, float sum) {
        m.plane[(o / S + 1) * SP + o % S + 1] = s.e5[o] ? sum : sum * p[E5::slope];
    });
    clear(m.a, C * SP * SP);
    back<1, C, S>(m.plane, m.a, p, E5::turned, s.e4, p[E4::slope]);
    clear(m.b, C * SP * SP);
    back<C, C, S>(m.a, m.b, p, E4::turned, s.e3, p[E3::slope]);
    back<C, C, S>(m.b, m.a, p, E3::turned, s.pooled, p[POOLED]);
    clear(m.b, C * LP * LP);
    EACH(i, L * L) {
        const int y = i / L, x = i % L, small = y / 2 * S + x / 2, quarter = y % 2 * 2 + x % 2;
        for (int c = 0; c < C; ++c) {
            const bool taken = (s.largest[small] >> 2 * c & 3) == quarter;
            const bool positive = s.e2[i] >> c & 1;
            const float g = m.a[c * SP * SP + (y / 2 + 1) * SP + x / 2 + 1];
            m.b[c * LP * LP + (y + 1) * LP + x + 1] = taken ? (positive ? g : g * p[E2::slope]) : 0.0f;
        }
    }
    BARRIER;
    clear(m.a, C * LP * LP);
    back<C, C, L>(m.b, m.a, p, E2::turned, s.e1, p[E1::slope]);
    convolve<C, 1, L>(m.a, p + E1::turned, [&m](int y, int x, const float* sum) {
        m.gradient[y * L + x] += sum[0];
    });
}

// The gradient of the energy (equation 9) of m.image, into m.gradient.
DEVICE void evaluate(Memory& m, const float* weights) {
    encode(m, weights);
    decode(m, weights, m.latent, m.p, m.decoder);
    EACH(i, L * L) m.gradient[i] = -2.0f / (L * L) * (m.image[(i / L + 1) * LP + i % L + 1] - m.p[i]);
    BARRIER;
    back_decode(m, weights, m.p, m.decoder);
    EACH(i, L * L) m.gradient[i] = 2.0f / (L * L) * (m.image[(i / L + 1) * LP + i % L + 1] - m.p[i]);
    BARRIER;
    back_encode(m, weights);
}

DEVICE void load(Memory& m, const float* weights) {
    EACH(i, CONVOLUTIONS) m.convolutions[i] = weights[i];
    EACH(i, LP * LP) m.image[i] = 0.0f;
    BARRIER;
}

struct Chain {
    int steps;
    float step_size, noise, clip;
    int annealing;
};

// Factor that clips the gradient whose squared length is m.scalar.
DEVICE float clipping(const Memory& m, float clip) {
    return clip > 0.0f ? fminf(clip / fmaxf(sqrtf(m.scalar), SMALLEST), 1.0f) : 1.0f;
}

// A chain in input space: start and end (L * L,), noise (steps, images, L * L).
DEVICE void walk_images(Memory& m, const float* weights, const float* start, const float* noise,
                        size_t stride, float* end, Chain chain) {
    load(m, weights);
    EACH(i, L * L) m.image[(i / L + 1) * LP + i % L + 1] = start[i];
    BARRIER;
    for (int step = 0; step < chain.steps; ++step) {
        evaluate(m, weights);
        total(m, L * L, [&m](int i) { return m.gradient[i] * m.gradient[i]; });
        const float drift = -chain.step_size * clipping(m, chain.clip);
        const float sigma = chain.annealing ? chain.noise / (1 + step) : chain.noise;
        EACH(i, L * L) {
            m.image[(i / L + 1) * LP + i % L + 1] += drift * m.gradient[i] + sigma * noise[step * stride + i];
        }
        BARRIER;
    }
    EACH(i, L * L) end[i] = m.image[(i / L + 1) * LP + i % L + 1];
    BARRIER;
}

// A chain on the sphere: start and end (Z,), noise (steps, images, Z).
DEVICE void walk_latents(Memory& m, const float* weights, const float* start, const float* noise,
                         size_t stride, float* end, Chain chain) {
    load(m, weights);
    float here[Z];
    for (int k = 0; k < Z; ++k) here[k] = start[k];
    for (int step = 0; step < chain.steps; ++step) {
        EACH(k, Z) m.point[k] = here[k];
        BARRIER;
        decode(m, weights, m.point, m.first, m.decoder_first);
        EACH(i, L * L) m.image[(i / L + 1) * LP + i % L + 1] = m.first[i];
        BARRIER;
        evaluate(m, weights);
        back_decode(m, weights, m.first, m.decoder_first);
        // every thread moves its own copy of the point
        const float sigma = chain.annealing ? chain.noise / (1 + step) : chain.noise;
        float along = 0.0f, random = 0.0f, square = 0.0f, length = 0.0f, move[Z];
        for (int k = 0; k < Z; ++k) {
            along += m.latent_gradient[k] * here[k];
            random += noise[step * stride + k] * here[k];
        }
        for (int k = 0; k < Z; ++k) {
            move[k] = m.latent_gradient[k] - along * here[k];
            square += move[k] * move[k];
        }
        const float factor =
            chain.clip > 0.0f ? fminf(chain.clip / fmaxf(sqrtf(square), SMALLEST), 1.0f) : 1.0f;
        for (int k = 0; k < Z; ++k) {
            const float kick = sigma * (noise[step * stride + k] - random * here[k]);
            move[k] = here[k] + (kick - chain.step_size * factor * move[k]);
            length += move[k] * move[k];
        }
        length = fmaxf(sqrtf(length), EPSILON);
        for (int k = 0; k < Z; ++k) here[k] = move[k] / length;
        BARRIER;
    }
    EACH(k, Z) end[k] = here[k];
    BARRIER;
}

}  // namespace

#ifdef __CUDACC__

namespace {

constexpr int BLOCK = S * S;

template <bool IMAGES>
__global__ void __launch_bounds__(BLOCK, 1)
    walk(const float* weights, const float* start, const float* noise, float* end, Chain chain) {
    extern __shared__ __align__(16) char memory[];
    constexpr size_t size = IMAGES ? L * L : Z;
    const size_t at = blockIdx.x * size, stride = gridDim.x * size;
    Memory& m = *reinterpret_cast<Memory*>(memory);
    if (IMAGES) walk_images(m, weights, start + at, noise + at, stride, end + at, chain);
    else walk_latents(m, weights, start + at, noise + at, stride, end + at, chain);
}

template <bool IMAGES>
int launch(const float* weights, const float* start, const float* noise, float* end, int count,
           Chain chain, cudaStream_t stream) {
    cudaError_t error = cudaFuncSetAttribute(
        walk<IMAGES>, cudaFuncAttributeMaxDynamicSharedMemorySize, int(sizeof(Memory)));
    if (error != cudaSuccess) return int(error);
    walk<IMAGES><<<count, BLOCK, sizeof(Memory), stream>>>(weights, start, noise, end, chain);
    return int(cudaGetLastError());
}

}  // namespace

#else

using cudaStream_t = void*;

namespace {

template <bool IMAGES>
int launch(const float* weights, const float* start, const float* noise, float* end, int count,
           Chain chain, cudaStream_t) {
    static thread_local Memory memory;
    constexpr size_t size = IMAGES ? L * L : Z;
    for (int i = 0; i < count; ++i) {
        const size_t at = i * size, stride = count * size;
        if (IMAGES) walk_images(memory, weights, start + at, noise + at, stride, end + at, chain);
        else walk_latents(memory, weights, start + at, noise + at, stride, end + at, chain);
    }
    return 0;
}

}  // namespace

#endif

// Numbers of a packed network.
extern "C" int trigforge_parameters() { return PARAMETERS; }

// Chains of `count` images (count, 40, 40), or of latents (count, 3), with standard normal noise
// (steps, count, ...). Returns 0 or a CUDA error.
extern "C" int trigforge_chains(int images, const float* weights, const float* start,
                                const float* noise, float* end, int count, int steps,
                                float step_size, float sigma, float clip, int annealing,
                                void* stream) {
    const Chain chain{steps, step_size, sigma, clip, annealing};
    const auto queue = static_cast<cudaStream_t>(stream);
    return images ? launch<true>(weights, start, noise, end, count, chain, queue)
                  : launch<false>(weights, start, noise, end, count, chain, queue);
}
