// Credits from Node with Drizzle: the job is a table of the schema, the ledger is called as raw SQL in the same
// transaction.
//
//     node credits.js [URL]     without a URL: PGHOST, PGUSER, PGDATABASE …

import { setTimeout as sleep } from 'node:timers/promises';
import { asc, sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import { numeric, pgTable, text } from 'drizzle-orm/pg-core';
import pg from 'pg';

const url = process.argv[2];
const pool = new pg.Pool(url ? { connectionString: url } : {});
// A connection that breaks rejects the query that runs on it, and is an event besides. Without a listener that event
// would end the process: of connections in use, and of those that lie in the pool.
pool.on('connect', (client) => client.on('error', () => {}));
pool.on('error', () => {});
const db = drizzle(pool);

// Drizzle's `numeric` is a string, as it should be: a number of JavaScript has 15 digits, an amount up to 20.
const jobs = pgTable('jobs', {
  job: text().primaryKey(),
  account: text().notNull(),
  credits: numeric().notNull(),
});

const ATTEMPTS = 6;
// Nothing was done; or, where the connection broke, nobody knows. The same call with the same key is right for both.
const AGAIN = new Set(['40001', '40P01', '55P03', '57P01', '57P02', '57P03']);

/** The driver's error, which has SQLSTATE and DETAIL: Drizzle wraps it. */
function cause(error) {
  return error.cause ?? error;
}

function worthAnotherAttempt(error) {
  // What the server did not say comes from the connection, which has no common class of errors. To repeat a mistake of
  // this program, too, does no harm: the key is the same.
  if (!(error instanceof pg.DatabaseError)) return true;
  return AGAIN.has(error.code) || error.code.startsWith('08');
}

/** Runs `work` in a transaction, as a whole and from its start as often as it takes. */
async function transaction(work) {
  for (let attempt = 1; ; attempt++) {
    try {
      // Includes the COMMIT, which can fail, too. Only when this returns it is done.
      return await db.transaction(work);
    } catch (error) {
      const reason = cause(error);
      if (attempt === ATTEMPTS || !worthAnotherAttempt(reason)) throw error;
      console.error(`attempt ${attempt}: ${reason.code ?? 'connection lost'}`);
    }
    await sleep(50 * 2 ** attempt);
  }
}

/** The first row of a statement in a transaction of its own. */
function one(statement) {
  return transaction(async (tx) => (await tx.execute(statement)).rows[0]);
}

function openAccount(account) {
  return one(sql`SELECT account, status FROM credits_open_account(account => ${account})`);
}

function grant(account, amount, key) {
  return one(sql`SELECT amount, balance, replayed
                 FROM credits_grant(account => ${account}, amount => ${amount}, idempotency_key => ${key})`);
}

/** Notes a job and takes its credits. The job's own name is the key: it is known before the first attempt. */
function runJob(job, account, amount) {
  return transaction(async (tx) => {
    // A repeated transaction may find the job that it has committed before.
    await tx.insert(jobs).values({ job, account, credits: amount }).onConflictDoNothing();
    // Last, because it locks the account until the COMMIT.
    const { rows } = await tx.execute(
      sql`SELECT amount, balance, replayed
          FROM credits_debit(account => ${account}, amount => ${amount}, idempotency_key => ${job}, feature => 'render')`,
    );
    return rows[0];
  });
}

function history(account) {
  const statement = sql`SELECT entry, operation, amount, balance FROM credits_history
                        WHERE account = ${account} ORDER BY entry`;
  return transaction(async (tx) => (await tx.execute(statement)).rows);
}

/** DETAIL as an object: its figures are `name=value` pairs. */
function figures(error) {
  return Object.fromEntries((error.detail ?? '').split(' ').map((pair) => pair.split('=', 2)));
}

function show(key, done, receipt) {
  console.log(`${key}: ${done} ${receipt.amount}, balance ${receipt.balance}${receipt.replayed ? ', replayed' : ''}`);
}

const account = await openAccount('acme');
console.log(`${account.account}: ${account.status}`);
show('order-1', 'granted', await grant('acme', '100', 'order-1'));

// The second time stands for a caller who never saw the first answer. Nothing is taken twice.
for (let time = 1; time <= 2; time++) {
  show('job-1', 'debited', await runJob('job-1', 'acme', '12.345678'));
}

try {
  await runJob('job-2', 'acme', '500');
} catch (error) {
  const reason = cause(error);
  if (reason.code !== 'LC001') throw error;
  console.log(`job-2: ${reason.code}, ${figures(reason).shortfall} credits are missing`);
}

for (const entry of await history('acme')) {
  console.log(`${entry.entry} ${entry.operation} ${entry.amount}, balance ${entry.balance}`);
}
// job-2 was refused, and its row went with it.
const noted = await transaction((tx) => tx.select({ job: jobs.job }).from(jobs).orderBy(asc(jobs.job)));
console.log(`jobs: ${noted.map((row) => row.job).join(', ')}`);
const { available } = await one(sql`SELECT available FROM credits_balance(${'acme'})`);
console.log(`available: ${available}`);

await pool.end();
