/* SPDX-License-Identifier: Apache-2.0 */
/* The CRD manifests of contrib/crds as JSON, written into crds-data.c by gencrds at build time. */
#pragma once

typedef struct {
	const char *group;
	const char *kind;
	const char *manifest; /* one JSON document */
} Crd;

/* Ends with a row of NULLs. */
extern const Crd crds[];
