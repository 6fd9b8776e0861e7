/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes of the lab. Each is on record before its program starts, by pid and start time, so
 * that whatever happens to us there is none that 'lab down' would not find, and none is ever
 * signalled that merely got the pid of a dead one.
 */
#pragma once

#include <glib.h>
#include <sys/types.h>

typedef struct {
	gint64 pid;
	guint64 start; /* clock ticks after boot, as the kernel keeps it */
} LabProcess;

/* Called in the child between fork and exec: async-signal-safe calls only. Returns NULL, or what
 * it could not do (a static string), with errno set. */
typedef const char *(*LabSetup)(gconstpointer data);

typedef struct {
	const char *const *argv; /* argv[0] is found in PATH and the sbin folders */
	const char *const *envp; /* NULL: as ours */
	const char *name;        /* for the record and messages: "n1", "n1-daemon" */
	const char *record;      /* file of records; NULL: a helper that we wait for */
	const char *output;      /* file that stdout and stderr are appended to; NULL: nowhere */
	int output_fd, error_fd; /* instead of `output`, where above 0 */
	gint64 enter_pid;        /* live in the namespaces of that process; 0: no */
	int enter;               /* CLONE_NEW… */
	guint cpu_seconds;       /* a limit; 0: none */
	LabSetup setup;
	gconstpointer setup_data;
} LabSpawn;

gboolean lab_spawn(const LabSpawn *spawn, LabProcess *ret_process, GError **error);

gboolean lab_process_alive(const LabProcess *process);
/* Kills at once (SIGKILL: nothing of a lab needs a farewell) and waits until they are gone, at
 * most 5 s. */
gboolean lab_process_kill(const LabProcess *processes, guint n, GError **error);
/* Waits for a child: exit status as of waitpid(); -1 where timeout_ms passed (it is killed). */
int lab_process_wait(const LabProcess *child, guint timeout_ms);
/* The process as it is now; FALSE where there is none (or a zombie). */
gboolean lab_process_find(gint64 pid, LabProcess *ret_process);

/* The last process of that name in the file of records that is alive. */
gboolean lab_record_find(const char *record, const char *name, LabProcess *ret_process);
/* All of them, dead or alive, of LabProcess. */
GArray *lab_record_list(const char *record);

/* Runs a program to its end. Its stdout is returned; FALSE where it fails (its stderr is the
 * message) or takes longer. spawn->record must be NULL. */
gboolean lab_run(const LabSpawn *spawn, guint timeout_ms, char **ret_output, GError **error);

/* The same in two steps, so that several run at once. */
typedef struct LabRun LabRun;
LabRun *lab_run_begin(const LabSpawn *spawn, GError **error);
gboolean lab_run_end(LabRun *run, guint timeout_ms, char **ret_output, GError **error); /* frees */

/* The program's path, or UNSUPPORTED with the package to install. */
char *lab_find_program(const char *name, const char *package, GError **error);
