/* SPDX-License-Identifier: BSD-2-Clause */
/* Where a probe's values are found, from the two ways in which that is written. Pure. */
#pragma once

#include <lostsock/config.h>

/*
 * The next argument of a USDT probe, as the assembler wrote it: "8@%rdi", "-4@$1", "8@-16(%rbp)",
 * "8@8(%rax,%rbx,4)"; on arm64 "8@x0", "-4@5", "8@[sp, 16]". *@at moves behind it. 0; -ENOENT:
 * there are no more; -EINVAL: it is of another kind, such as a floating-point register.
 */
int stream_operand_usdt(const char **at, struct ls_operand *out);

/*
 * What a person writes: a number; a register with a number added ("bx", "arg2+8"); or what stands
 * there in memory, with a number added: "*(ax+0x48)", "s32(*(di)+8)+1". "*" reads 64 bits; u8, u16,
 * u32, s8, s16 and s32 fewer. ":s32" behind it takes so many of its low bits. arg1 to arg6 are C's
 * arguments, go1 to go9 Go's, on any machine. 0; -EINVAL: it is not understood, or reads more than
 * LS_OPERAND_READS times.
 */
int stream_operand_parse(const char *text, struct ls_operand *out);
