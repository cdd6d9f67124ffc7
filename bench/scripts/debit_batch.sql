-- One call debits a thousand items. Their arrays were made beforehand, as a client has them at hand.
\set batch :batch + 1
SELECT count(*) FILTER (WHERE r.accepted)
  FROM bench_batches b, LATERAL credits_debit_many(b.accounts, b.amounts, b.keys) r WHERE b.batch = :batch;
