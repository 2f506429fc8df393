// SPDX-License-Identifier: BSD-2-Clause
/* libpq: a session for each query. The leaky twin forgets it when the query has no rows. */
#include <libpq-fe.h>
#include "twin.h"

__attribute__((noinline)) static void load_orders(const char *where, bool leaky)
{
	PGconn *conn = PQconnectdb(where);
	PGresult *rows;

	if (PQstatus(conn) != CONNECTION_OK)
		twin_fail(PQerrorMessage(conn));
	rows = PQexec(conn, "select 1 where false");
	if (PQntuples(rows) == 0 && leaky) {
		PQclear(rows);
		return;
	}
	PQclear(rows);
	PQfinish(conn);
}

int main(int argc, char **argv)
{
	struct twin t = twin_begin(argc, argv);
	char where[128];
	int i;

	snprintf(where, sizeof(where),
		 "host=127.0.0.1 port=%d user=postgres dbname=postgres sslmode=disable "
		 "gssencmode=disable",
		 t.port);
	for (i = 0; i < t.count; i++)
		load_orders(where, t.leaky);
	return twin_end(&t);
}
