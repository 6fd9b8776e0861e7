/* SPDX-License-Identifier: Apache-2.0 */
/* A write is a transaction of its own, or, in a batch, a savepoint in the batch's. */
#include "base/error.h"
#include "cluster/local/store.h"

static gboolean set_error_batch_failed(Store *store, GError **error)
{
	return error_set(
		error, KVMIG_ERROR_IO,
		"store '%s': an earlier write of this batch failed and took the batch with it",
		store->base.context);
}

gboolean store_begin(Store *store, GError **error)
{
	if (!store->batch)
		return db_begin(store->db, DB_WRITE, error);
	if (store->batch_failed)
		return set_error_batch_failed(store, error);
	return db_savepoint(store->db, error);
}

static gboolean end_in_batch(Store *store, gboolean keep, GError **error)
{
	gboolean kept = keep && db_savepoint_release(store->db, error);

	if (!kept)
		db_savepoint_rollback(store->db);
	/* Disk full and the like make SQLite roll back everything. What followed would be
	 * committed piece by piece. */
	if (!db_in_transaction(store->db))
		store->batch_failed = TRUE;
	return kept;
}

gboolean store_end(Store *store, gboolean keep, GError **error)
{
	if (store->batch)
		return end_in_batch(store, keep, error);
	if (!keep) {
		db_rollback(store->db);
		return FALSE;
	}
	if (!db_commit(store->db, error))
		return FALSE;
	store_committed(store);
	return TRUE;
}

gboolean store_batch_begin(Cluster *cluster, GError **error)
{
	Store *store = store_of(cluster);

	if (store->batch)
		return error_set(error, KVMIG_ERROR_INTERNAL, "store '%s': a batch is open already",
				 cluster->context);
	if (!db_begin(store->db, DB_WRITE, error))
		return FALSE;
	store->batch = TRUE;
	store->batch_failed = FALSE;
	return TRUE;
}

gboolean store_batch_commit(Cluster *cluster, GError **error)
{
	Store *store = store_of(cluster);

	if (!store->batch)
		return error_set(error, KVMIG_ERROR_INTERNAL, "store '%s': no batch is open",
				 cluster->context);
	store->batch = FALSE;
	if (store->batch_failed)
		return set_error_batch_failed(store, error);
	if (!db_commit(store->db, error))
		return FALSE;
	store_committed(store);
	return TRUE;
}

void store_batch_rollback(Cluster *cluster)
{
	Store *store = store_of(cluster);

	if (!store->batch)
		return;
	store->batch = FALSE;
	db_rollback(store->db);
	store_watch_kick(store); /* others' events, held back meanwhile */
}
