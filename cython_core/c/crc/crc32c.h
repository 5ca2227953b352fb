/* CRC-32C (Castagnoli) of the first 60 bytes of each event, and of any bytes. */
#ifndef AETHER_CRC32C_H
#define AETHER_CRC32C_H

#include "event.h"

#define AETHER_CRC_BYTES 60
#define AETHER_CRC_POLYNOMIAL 0x105EC76F1u /* all 33 bits; bit 0 is x^32 */

typedef struct {
    const char *name;
    void (*stamp)(aether_event *events, size_t n);
    /* Writes the numbers of events whose checksum is wrong, in order, to `bad`
     * until that holds `room`; returns how many there are in all. */
    size_t (*verify)(const aether_event *events, size_t n, uint32_t *bad, size_t room);
    uint32_t (*bytes)(const void *bytes, size_t n);
} aether_crc_kernel;

/* One that has constants of its own, to be made before it runs and only where it can. */
typedef struct {
    aether_crc_kernel kernel;
    void (*prepare)(void);
} aether_crc_variant;

extern const aether_crc_kernel aether_crc_table;
extern const aether_crc_kernel aether_crc_instruction;
extern const aether_crc_variant aether_crc_clmul128, aether_crc_clmul256, aether_crc_clmul512;
extern const aether_crc_kernel aether_crc_clmul;
extern const aether_crc_kernel aether_crc_gfni;

/* Of any bytes, by table: the oracle of the others. */
uint32_t aether_crc32c(const void *bytes, size_t n);

/* Variants that this processor supports, narrowest first; ended by NULL. Makes
 * the tables, so call it once before anything else here. */
const aether_crc_kernel *const *aether_crc_kernels(void);

/* Seconds an event that a variant takes to verify, the least of a few tries of some microseconds
 * within the first-level cache. */
double aether_crc_time(const aether_crc_kernel *kernel);

/* x^n modulo the polynomial, reflected into 32 bits: what folding multiplies by. */
uint32_t aether_crc_power(unsigned n);

/* A checksum's state followed by n zero bytes. */
uint32_t aether_crc_shift(uint32_t state, size_t n);

void aether_crc_prepare_clmul(void);
void aether_crc_prepare_gfni(void);

#endif
