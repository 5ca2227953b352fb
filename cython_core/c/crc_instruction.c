#include "crc_instruction.h"

#include "crc32c.h"

#define CRC(event) aether_crc_event(event)
#include "crc_loops.h"

const aether_crc_kernel aether_crc_instruction = {"instruction", stamp, verify};
