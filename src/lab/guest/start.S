/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entry of the guest. A multiboot loader starts us in flat 32-bit mode, without paging, eax holding
 * its magic and ebx its information. Its GDT may lie in memory that we are about to use, so we
 * bring our own; then a stack, and C.
 */
#define MULTIBOOT_MAGIC 0x1badb002
#define MULTIBOOT_FLAGS 0x00000002 /* tell us how much memory there is */
#define STACK_SIZE 8192

	.section .multiboot, "a"
	.balign 4
	.long MULTIBOOT_MAGIC
	.long MULTIBOOT_FLAGS
	.long -(MULTIBOOT_MAGIC + MULTIBOOT_FLAGS)

	.text
	.globl start
start:
	cli
	cld
	movl $stack_top, %esp
	lgdt gdt_pointer
	ljmp $0x08, $1f
1:	movw $0x10, %cx
	movw %cx, %ds
	movw %cx, %es
	movw %cx, %fs
	movw %cx, %gs
	movw %cx, %ss
	pushl %ebx
	pushl %eax
	call guest_main
2:	cli
	hlt
	jmp 2b

/*
 * The timer only has to end a hlt: the PIC acknowledges by itself, and the interrupt comes nowhere
 * but between sti and cli. So the way back needs neither the flags nor the code segment that the
 * processor has pushed, and we spare ourselves iret, which some KVMs would have to emulate and
 * cannot.
 */
	.globl timer_interrupt
timer_interrupt:
	ret $8

	.section .rodata
	.balign 8
gdt:
	.quad 0
	.quad 0x00cf9a000000ffff
	.quad 0x00cf92000000ffff
gdt_pointer:
	.word . - gdt - 1
	.long gdt

	.bss
	.balign 16
	.skip STACK_SIZE
stack_top:

	.section .note.GNU-stack, "", @progbits
