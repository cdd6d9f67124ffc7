-- Debits by the thousand: what gives the ledger a past. Each client has accounts of its own.
SELECT count(*) FROM credits_debit_many(
    ARRAY(SELECT 'acct-' || 1 + g % :share::int + :share::int * :client_id::int FROM generate_series(1, 1000) g),
    array_fill(1::numeric, ARRAY[1000]),
    ARRAY(SELECT gen_random_uuid()::text FROM generate_series(1, 1000)));
