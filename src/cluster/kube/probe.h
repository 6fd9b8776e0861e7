/* SPDX-License-Identifier: Apache-2.0 */
/* Which kind of cluster this is (DESIGN §1): by what every user may read, never guessed. */
#pragma once

#include "cluster/cluster.h"

gboolean kube_probe(Cluster *cluster, GError **error);
