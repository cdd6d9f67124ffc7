-- credits_ledger with one account that has a past: a hundred debits each minute, until there are so many.
--
-- psql variables: account, entries.

CREATE EXTENSION IF NOT EXISTS credits_ledger;
CREATE TEMP TABLE history AS SELECT :'account' AS account, :entries / 100 AS minutes;

DO $$
DECLARE
    past history%ROWTYPE;
BEGIN
    SELECT * INTO past FROM history;
    PERFORM set_config('credits_ledger.now', '2020-01-01 00:00+00', false);
    PERFORM credits_grant(past.account, 10000000000, 'grant');
    FOR minute IN 1 .. past.minutes LOOP
        PERFORM set_config('credits_ledger.now', (timestamptz '2020-01-01 00:00+00' + make_interval(mins => minute))::text, false);
        PERFORM count(*) FROM credits_debit_many(
            array_fill(past.account, ARRAY[100]),
            array_fill(1::numeric, ARRAY[100]),
            ARRAY(SELECT minute || '-' || n FROM generate_series(1, 100) n));
    END LOOP;
END $$;
