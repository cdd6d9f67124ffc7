WITH a AS (
    UPDATE bare.accounts SET balance = balance - 1, entry = entry + 1
     WHERE account = 'acct-' || :aid AND balance >= 1
    RETURNING account, entry, balance)
INSERT INTO bare.entries (account, entry, amount, balance, idempotency_key)
SELECT account, entry, -1, balance, :k1::text || :k2::text FROM a
RETURNING balance;
