-- Accounts with alerts far from their levels: on top of contenders/ledger.sql.
--
-- psql variables: accounts (how many to make).

SELECT count(*) FROM credits_grant_many(
    ARRAY(SELECT 'watched-' || g FROM generate_series(1, :accounts) g),
    array_fill(1000000000::numeric, ARRAY[:accounts]),
    ARRAY(SELECT 'setup-' || g FROM generate_series(1, :accounts) g),
    'purchase');

SELECT count(*) FROM generate_series(1, :accounts) g,
    LATERAL credits_set_alert('watched-' || g, 'few', below => 1000000);
SELECT count(*) FROM generate_series(1, :accounts) g,
    LATERAL credits_set_alert('watched-' || g, 'half', used_percent => 50, only_if_on_pace => true);
SELECT credits_define_pack('refill', 1000, 10, 'EUR');
SELECT count(*) FROM generate_series(1, :accounts) g,
    LATERAL credits_set_auto_recharge('watched-' || g, 1000000, 'refill', payment_method => 'card');
