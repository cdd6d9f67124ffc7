-- Accounts with a plan, to be charged by rate: on top of contenders/ledger.sql.
--
-- psql variables: accounts (how many to make).

SELECT count(*) FROM credits_define_plan('pro', 1000000000);
SELECT count(*) FROM credits_include('pro', 'search', 1000000000);
SELECT count(*) FROM credits_define_rate('reply', 1);
SELECT count(*) FROM credits_define_rate('search', 1);
SELECT count(*) FROM credits_define_rate('run', 1, 100, 'package');

SELECT count(*) FROM generate_series(1, :accounts) g, LATERAL credits_open_account('plan-' || g);
SELECT count(*) FROM generate_series(1, :accounts) g, LATERAL credits_subscribe('plan-' || g, 'pro', 'setup');

SELECT count(*) FROM generate_series(1, :accounts) g, LATERAL credits_open_account('budget-' || g);
SELECT count(*) FROM generate_series(1, :accounts) g, LATERAL credits_subscribe('budget-' || g, 'pro', 'setup');
SELECT count(*) FROM generate_series(1, :accounts) g,
    LATERAL credits_set_budget('budget-' || g, 1000000000, 'day', '*');
