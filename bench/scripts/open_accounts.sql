-- Accounts by the thousand, each with an allowance that renews monthly. Each client has accounts of its own.
SELECT count(*) FROM generate_series(1000 * (2 * :turn + :client_id) + 1, 1000 * (2 * :turn + :client_id + 1)) g,
    LATERAL credits_open_account('acct-' || g, allowance => 1000000);
\set turn :turn + 1
