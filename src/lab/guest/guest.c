/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lab's guest: a program of a few KiB that is a whole machine. It writes a heartbeat, dirties
 * a working set at a set rate, and reads all of its memory over and over, comparing every word
 * with what must be there; so it notices what a bad migration does to a guest, first of all a page
 * that was written during the copy and arrived in its older state.
 *
 * What it writes to COM1 (numbers are hexadecimal without prefix):
 *   B <version> <pages> <rate> <working set> <TSC kHz>   once, at boot; rates and sizes in KiB
 *   <7 digits>                                           heartbeat, every 2 ms
 *   S <beats> <errors> <passes> <rate> <working set> <written>   every 512 beats
 *   E <page> <found> <expected>                          a page is wrong (it is then mended)
 *   C <id>                                               command <id> has been carried out
 * What it reads from COM2: "!<id:4><rate:8><working set:8><sum:2>\n", all in hexadecimal digits,
 * ffffffff for "leave as it is", the sum being that of the digits before it, modulo 256. The one
 * who sends repeats it until it is confirmed: while a migration is under way the waiting QEMU may
 * have swallowed a byte.
 *
 * Time is the TSC, measured once against the PIT. It may stand still or jump over a migration: a
 * jump is taken as a short time. The timer interrupt does nothing but end a hlt, so that a guest
 * with nothing to do costs the host little.
 */
#include <stddef.h>
#include <stdint.h>

#define GUEST_VERSION 1
#define COM1 0x3f8
#define COM2 0x2f8
#define DEBUG_EXIT 0xf4
#define PIT_HZ 1193182u
#define TICK_HZ 500u /* timer interrupts, and heartbeats, per second */
#define PAGE 4096u
#define PAGE_WORDS (PAGE / 4)
#define CHUNK 16u /* pages between two looks at the clock */
#define STATUS_BEATS 512u
#define INPUT_BEATS 16u   /* each look at COM2 is an exit to QEMU */
#define SCAN_KIB 65536u   /* verified per second, where the command line does not say */
#define LONGEST_TICKS 25u /* a longer gap was no time of ours */
#define UNCHANGED 0xffffffffu
#define MULTIBOOT_LOADED 0x2badb002u

struct multiboot_info {
	uint32_t flags, mem_lower, mem_upper, boot_device, cmdline;
};

struct __attribute__((packed)) gate {
	uint16_t low, selector, flags, high;
};

struct __attribute__((packed)) table {
	uint16_t limit;
	uint32_t base;
};

/* Work to be done at a steady rate: credit grows with time and each page costs tsc_hz. */
struct pace {
	uint32_t pages_per_second;
	uint64_t credit;
};

extern char image_end[];
void timer_interrupt(void);
void guest_main(uint32_t magic, const struct multiboot_info *info);

static struct gate idt[33];
static uint32_t *versions; /* of each page, as we wrote it last */
static uint8_t *memory;    /* page 0 */
static uint32_t pages, working_set, write_cursor, scan_cursor;
static uint32_t beats, errors, passes, written_kib;
static uint32_t tick_tsc; /* TSC per tick */
static uint64_t tsc_hz;
static struct pace dirty, scan;

static inline void outb(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline uint8_t inb(uint16_t port)
{
	uint8_t value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static inline uint64_t rdtsc(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}

/* sti takes effect after the next instruction: no interrupt is lost between the two. */
static inline void sleep_until_tick(void)
{
	__asm__ volatile("sti; hlt; cli" : : : "memory");
}

/* ---- serial lines ---------------------------------------------------------------------------- */

static void serial_init(uint16_t port)
{
	outb(port + 1, 0x00); /* no interrupts */
	outb(port + 3, 0x80);
	outb(port + 0, 0x01); /* 115200 */
	outb(port + 1, 0x00);
	outb(port + 3, 0x03); /* 8n1 */
	outb(port + 2, 0x07); /* queues on and empty */
	outb(port + 4, 0x03);
}

/* QEMU takes each byte at once: asking whether there is room would cost an exit a byte. */
static void put(char c)
{
	outb(COM1, (uint8_t)c);
}

static void put_hex(uint32_t value, unsigned digits)
{
	while (digits--)
		put("0123456789abcdef"[value >> digits * 4 & 15]);
}

static void put_number(uint32_t value)
{
	unsigned digits = 1;

	while (digits < 8 && value >> digits * 4)
		digits++;
	put(' ');
	put_hex(value, digits);
}

/* One line: a letter and numbers. */
static void report(char letter, unsigned n, const uint32_t *numbers)
{
	put(letter);
	for (unsigned i = 0; i < n; i++)
		put_number(numbers[i]);
	put('\n');
}

#define REPORT(letter, ...)                                                                        \
	do {                                                                                       \
		const uint32_t numbers_[] = { __VA_ARGS__ };                                       \
		report(letter, sizeof(numbers_) / sizeof(numbers_[0]), numbers_);                  \
	} while (0)

/* ---- memory ---------------------------------------------------------------------------------- */

/* What every word of a page holds: another value for every page and every version of it. */
static inline uint32_t pattern(uint32_t page, uint32_t version)
{
	uint32_t x = page * 0x9e3779b1u ^ version * 0x85ebca6bu;

	x ^= x >> 15;
	return (x * 0xc2b2ae35u) | 1; /* never a page of zeros, which QEMU would not send */
}

static inline uint32_t *page_words(uint32_t page)
{
	return (uint32_t *)(memory + (size_t)page * PAGE);
}

static void write_page(uint32_t page)
{
	uint32_t *to = page_words(page), count = PAGE_WORDS;

	__asm__ volatile("rep stosl"
			 : "+D"(to), "+c"(count)
			 : "a"(pattern(page, versions[page]))
			 : "memory");
}

static void check_page(uint32_t page)
{
	const uint32_t *words = page_words(page);
	const uint32_t expected = pattern(page, versions[page]);
	uint32_t wrong = 0;

	for (unsigned i = 0; i < PAGE_WORDS; i++)
		wrong |= words[i] ^ expected;
	if (!wrong)
		return;
	for (unsigned i = 0; i < PAGE_WORDS; i++)
		if (words[i] != expected) {
			wrong = words[i];
			break;
		}
	errors++;
	REPORT('E', page, wrong, expected);
	write_page(page); /* so that each fault is counted once */
}

static void dirty_some(void)
{
	for (unsigned i = 0; i < CHUNK && dirty.credit >= tsc_hz; i++) {
		dirty.credit -= tsc_hz;
		versions[write_cursor]++;
		write_page(write_cursor);
		write_cursor = write_cursor + 1 < working_set ? write_cursor + 1 : 0;
		written_kib += PAGE / 1024;
	}
}

static void scan_some(void)
{
	for (unsigned i = 0; i < CHUNK && scan.credit >= tsc_hz; i++) {
		scan.credit -= tsc_hz;
		check_page(scan_cursor);
		if (++scan_cursor == pages) {
			scan_cursor = 0;
			passes++;
		}
	}
}

static void set_load(uint32_t rate_kib, uint32_t set_kib)
{
	if (rate_kib != UNCHANGED)
		dirty.pages_per_second = rate_kib / (PAGE / 1024);
	if (set_kib != UNCHANGED)
		working_set = set_kib / (PAGE / 1024);
	if (working_set == 0 || working_set > pages)
		working_set = pages;
	if (write_cursor >= working_set)
		write_cursor = 0;
	dirty.credit = 0;
}

/* The table of versions, then the pages; both on page boundaries. */
static void memory_init(uint32_t end)
{
	uint32_t begin = ((uint32_t)image_end + PAGE - 1) / PAGE * PAGE;
	uint32_t room = (end - begin) / PAGE;
	uint32_t table = room / (PAGE_WORDS + 1) + 1;

	versions = (uint32_t *)begin;
	memory = (uint8_t *)begin + (size_t)table * PAGE;
	pages = room - table;
	for (uint32_t i = 0; i < pages; i++) {
		versions[i] = 1;
		write_page(i);
	}
}

/* ---- time ------------------------------------------------------------------------------------ */

static void set_gate(unsigned vector, void (*handler)(void))
{
	uint32_t at = (uint32_t)handler;

	idt[vector] = (struct gate){ at & 0xffff, 0x08, 0x8e00, at >> 16 };
}

static void timer_init(void)
{
	const struct table pointer = { sizeof(idt) - 1, (uint32_t)idt };
	const uint32_t divisor = PIT_HZ / TICK_HZ;

	set_gate(32, timer_interrupt);
	__asm__ volatile("lidt %0" : : "m"(pointer));
	outb(0x20, 0x11); /* the PIC: vectors from 32, end of interrupt by itself */
	outb(0x21, 32);
	outb(0x21, 0x04);
	outb(0x21, 0x03);
	outb(0xa1, 0xff);
	outb(0x21, 0xfe); /* the timer only */
	outb(0x43, 0x34); /* the PIT: periodic */
	outb(0x40, divisor & 0xff);
	outb(0x40, divisor >> 8);
}

/* TSC per tick: the middle one of several measurements, since the host may take the processor
 * away in any of them. */
static void measure_tsc(void)
{
	uint32_t sample[5] = { 0 };

	sleep_until_tick();
	for (unsigned i = 0; i < 5; i++) {
		uint64_t begin = rdtsc();
		unsigned at = i;
		uint32_t value;

		for (unsigned tick = 0; tick < 4; tick++)
			sleep_until_tick();
		value = (uint32_t)(rdtsc() - begin) / 4;
		for (; at > 0 && sample[at - 1] > value; at--)
			sample[at] = sample[at - 1];
		sample[at] = value;
	}
	tick_tsc = sample[2];
	tsc_hz = (uint64_t)tick_tsc * TICK_HZ;
}

static void pace_grow(struct pace *pace, uint32_t elapsed)
{
	pace->credit += (uint64_t)elapsed * pace->pages_per_second;
}

/* ---- commands -------------------------------------------------------------------------------- */

#define COMMAND_DIGITS 22u

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static uint32_t hex_field(const uint8_t *digits, unsigned n)
{
	uint32_t value = 0;

	while (n--)
		value = value << 4 | *digits++;
	return value;
}

static void command_run(const uint8_t *digits)
{
	uint32_t sum = 0;

	for (unsigned i = 0; i < COMMAND_DIGITS - 2; i++)
		sum += digits[i];
	if ((sum & 0xff) != hex_field(digits + 20, 2))
		return;
	set_load(hex_field(digits + 4, 8), hex_field(digits + 12, 8));
	REPORT('C', hex_field(digits, 4));
}

static void command_byte(char c)
{
	static uint8_t digits[COMMAND_DIGITS];
	static unsigned n = COMMAND_DIGITS + 1; /* more than there can be: waiting for '!' */
	int value = hex_digit(c);

	if (c == '!') {
		n = 0;
	} else if (c == '\n' && n == COMMAND_DIGITS) {
		command_run(digits);
		n = COMMAND_DIGITS + 1;
	} else if (value >= 0 && n < COMMAND_DIGITS) {
		digits[n++] = (uint8_t)value;
	} else {
		n = COMMAND_DIGITS + 1;
	}
}

static void read_commands(void)
{
	for (unsigned i = 0; i < 64 && (inb(COM2 + 5) & 1); i++)
		command_byte((char)inb(COM2));
}

/* ---- the whole ------------------------------------------------------------------------------- */

/* The value of " name=" in decimal, or the fallback. */
static uint32_t parameter(const char *line, const char *name, uint32_t fallback)
{
	for (; *line; line++) {
		const char *a = line, *b = name;
		uint32_t value = 0;

		while (*b && *a == *b)
			a++, b++;
		if (*b || *a < '0' || *a > '9')
			continue;
		for (; *a >= '0' && *a <= '9'; a++)
			value = value * 10 + (uint32_t)(*a - '0');
		return value;
	}
	return fallback;
}

static void beat(void)
{
	put_hex(beats++, 7);
	put('\n');
	if (beats % STATUS_BEATS == 0)
		REPORT('S', beats, errors, passes, dirty.pages_per_second * (PAGE / 1024),
		       working_set * (PAGE / 1024), written_kib);
	if (beats % INPUT_BEATS == 0)
		read_commands();
}

static __attribute__((noreturn)) void run(void)
{
	uint64_t last = rdtsc(), next_beat = last;

	for (;;) {
		uint64_t now = rdtsc(), elapsed = now - last;

		/* Backwards is a very large number here. */
		if (elapsed > (uint64_t)tick_tsc * LONGEST_TICKS) {
			elapsed = tick_tsc;
			next_beat = now;
		}
		last = now;
		pace_grow(&dirty, (uint32_t)elapsed);
		pace_grow(&scan, (uint32_t)elapsed);
		/* The tick that is meant for this beat may come a little early. */
		if ((int64_t)(now + tick_tsc / 4 - next_beat) >= 0) {
			next_beat += tick_tsc;
			if ((int64_t)(now - next_beat) > tick_tsc)
				next_beat = now + tick_tsc; /* late: no burst to make up for it */
			beat();
		} else if (dirty.credit >= tsc_hz) {
			dirty_some();
		} else if (scan.credit >= tsc_hz) {
			scan_some();
		} else {
			sleep_until_tick();
		}
	}
}

void guest_main(uint32_t magic, const struct multiboot_info *info)
{
	const char *line = info->flags & 4 ? (const char *)info->cmdline : "";
	const uint32_t rate = parameter(line, " rate=", 0), set = parameter(line, " set=", 0);
	const uint32_t scan_kib = parameter(line, " scan=", SCAN_KIB);
	const uint32_t probe = parameter(line, " probe=", 0);

	if (magic != MULTIBOOT_LOADED || !(info->flags & 1))
		return;
	serial_init(COM1);
	serial_init(COM2);
	timer_init();
	measure_tsc();
	memory_init(0x100000 + info->mem_upper * 1024); /* overwrites the command line */
	if (probe)
		outb(DEBUG_EXIT, 0x10); /* the question was whether we get here: status 33 */
	scan.pages_per_second = scan_kib / (PAGE / 1024);
	set_load(rate, set);
	REPORT('B', GUEST_VERSION, pages, rate, working_set * (PAGE / 1024), tick_tsc / 2);
	run();
}
