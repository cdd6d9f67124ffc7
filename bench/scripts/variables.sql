-- Put in front of every debit script, so that all contenders have the same accounts and keys: an account drawn
-- evenly, and a random key of 36 bytes, as long as the UUID that a client would send. pgbench sends both as text.
\set aid random(1, :accounts)
\set k1 random(100000000000000000, 999999999999999999)
\set k2 random(100000000000000000, 999999999999999999)
