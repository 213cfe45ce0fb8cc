// SPDX-License-Identifier: Apache-2.0

/// Blocks as they lie in a file (ggml's `ggml-common.h`).
#ifndef APUS_FORMATS_LAYOUTS_H
#define APUS_FORMATS_LAYOUTS_H

#include <stdint.h>

#define PACKED __attribute__((packed))

/// 32 values d·(q − 8). Nibbles: low of qs[j] is column j, high column 16 + j.
typedef struct PACKED {
    uint16_t d;
    uint8_t qs[16];
} block_q4_0;

/// 32 values d·q + m.
typedef struct PACKED {
    uint16_t d, m;
    uint8_t qs[16];
} block_q4_1;

/// 32 values d·(q − 16). Bit j of qh is the fifth bit of column j.
typedef struct PACKED {
    uint16_t d;
    uint32_t qh;
    uint8_t qs[16];
} block_q5_0;

/// 32 values d·q + m.
typedef struct PACKED {
    uint16_t d, m;
    uint32_t qh;
    uint8_t qs[16];
} block_q5_1;

/// 32 values d·q.
typedef struct PACKED {
    uint16_t d;
    int8_t qs[32];
} block_q8_0;

/// 16 × 16 values d·scale·q − dmin·min; a byte of scales is scale | min << 4.
/// Column 128h + 32s + l is bits 2s and 2s+1 of qs[32h + l].
typedef struct PACKED {
    uint8_t scales[16];
    uint8_t qs[64];
    uint16_t d, dmin;
} block_q2_K;

/// 16 × 16 values d·(scale − 32)·(q − 4). Low two bits in qs as in Q2_K; the third bit of column
/// 32g + l is bit g of hmask[l]. Scales: low nibbles of bytes 0…7 are scales 0…7, high nibbles
/// scales 8…15, and bytes 8…11 hold the upper two bits of scales i, i+4, i+8, i+12.
typedef struct PACKED {
    uint8_t hmask[32];
    uint8_t qs[64];
    uint8_t scales[12];
    uint16_t d;
} block_q3_K;

/// 8 × 32 values d·scale·q − dmin·min. Nibbles: low of qs[32h + l] is column 64h + l, high column
/// 64h + 32 + l.
typedef struct PACKED {
    uint16_t d, dmin;
    uint8_t scales[12];
    uint8_t qs[128];
} block_q4_K;

/// As Q4_K; bit g of qh[l] is the fifth bit of column 32g + l.
typedef struct PACKED {
    uint16_t d, dmin;
    uint8_t scales[12];
    uint8_t qh[32];
    uint8_t qs[128];
} block_q5_K;

/// 16 × 16 values d·scale·(q − 32). Within half h of 128 columns: low nibbles of ql[64h …] are
/// columns 0…63, high nibbles 64…127; bits 2s and 2s+1 of qh[32h + l] are the upper two bits of
/// column 32s + l.
typedef struct PACKED {
    uint8_t ql[128];
    uint8_t qh[64];
    int8_t scales[16];
    uint16_t d;
} block_q6_K;

/// 32 values d·q, where nibbles as in Q4_0 index a table of 16 values.
typedef block_q4_0 block_iq4_nl;

/// 8 × 32 values d·(scale − 32)·q from IQ4_NL's table; nibbles as in Q4_0, for each 32 columns.
/// Bits 4g … of scales_l are the low four of scale g, bits 2g … of scales_h its upper two.
typedef struct PACKED {
    uint16_t d;
    uint16_t scales_h;
    uint8_t scales_l[4];
    uint8_t qs[128];
} block_iq4_xs;

/// 32 values 2^(e − 127)·q; q is E2M1, nibbles as in Q4_0.
typedef struct PACKED {
    uint8_t e;
    uint8_t qs[16];
} block_mxfp4;

/// 4 × 16 values d·q; d is E4M3 without sign, q is E2M1. Nibbles: low of qs[8s + j] is column
/// 16s + j, high column 16s + 8 + j.
typedef struct PACKED {
    uint8_t d[4];
    uint8_t qs[32];
} block_nvfp4;

/// 256 values d·(q − 1), bits as in Q2_K.
typedef struct PACKED {
    uint8_t qs[64];
    uint16_t d;
} block_tq2_0;

/// 256 values d·(q − 1). A byte is a fraction of 256, whose ternary digits are q: digit n of qs[l]
/// is column 32n + l, of qs[32 + l] 160 + 16n + l, of qh[l] 240 + 4n + l.
typedef struct PACKED {
    uint8_t qs[48];
    uint8_t qh[4];
    uint16_t d;
} block_tq1_0;

// In the types below every 8 columns (4 in IQ3) are an entry of a codebook; s is the entry's number
// among those of its 32 columns. A sign is 1 for minus; where 7 bits stand for the signs of 8
// columns, the eighth makes the number of minuses even.

/// 8 × 32 values d·(scale + ½)/4 · q. Words of 32 columns: 4 entries of 8 bits, then signs in bits
/// 7s … and the scale in bits 28 …
typedef struct PACKED {
    uint16_t d;
    uint32_t qs[8][2];
} block_iq2_xxs;

/// 16 × 16 values d·(scale + ½)/4 · q. qs: 9 bits of entry, 7 of signs. Scales are nibbles.
typedef struct PACKED {
    uint16_t d;
    uint16_t qs[32];
    uint8_t scales[8];
} block_iq2_xs;

/// 16 × 16 values d·(scale + ½)/4 · q. Bits 2s … of qh are the upper two of an entry's ten.
typedef struct PACKED {
    uint16_t d;
    uint8_t qs[32];
    uint8_t signs[32];
    uint8_t qh[8];
    uint8_t scales[8];
} block_iq2_s;

/// 8 × 32 values d·(scale + ½)/2 · q. Signs and scales as in IQ2_XXS.
typedef struct PACKED {
    uint16_t d;
    uint8_t qs[64];
    uint32_t scales_and_signs[8];
} block_iq3_xxs;

/// 8 × 32 values d·(2·scale + 1) · q. Bit s of qh is the ninth of an entry. Scales are nibbles.
typedef struct PACKED {
    uint16_t d;
    uint8_t qs[64];
    uint8_t qh[8];
    uint8_t signs[32];
    uint8_t scales[4];
} block_iq3_s;

/// 8 × 32 values d·(2·scale + 1)·(q ± ⅛). Bits 3s … of qh are the upper three of an entry's eleven,
/// bits 12 … the scale, bit 15 is 1 for minus.
typedef struct PACKED {
    uint16_t d;
    uint8_t qs[32];
    uint16_t qh[8];
} block_iq1_s;

/// 16 × 16 values d·(2·scale + 1)·(q ± ⅛). A nibble of qh is an entry's upper three bits and, above
/// them, 1 for minus. Scale 4i + j is bits 3j … of scales[i], whose upper four are bits 4i … of d.
typedef struct PACKED {
    uint8_t qs[32];
    uint8_t qh[16];
    uint16_t scales[4];
} block_iq1_m;

#undef PACKED

#endif
