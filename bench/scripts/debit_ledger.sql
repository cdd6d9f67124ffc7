SELECT balance FROM credits_debit('acct-' || :aid, 1, :k1::text || :k2::text);
