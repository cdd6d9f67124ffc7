// Credits from Java with JDBC.
//
//     java -cp /usr/share/java/postgresql.jar Credits.java [JDBC URL]
//
// Without a URL: PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE, which the driver itself does not read.

import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.Set;
import org.postgresql.util.PSQLException;

public class Credits {
    static final int ATTEMPTS = 6;
    // Nothing was done; or, where the connection broke, nobody knows. The same call with the same key is right for both.
    static final Set<String> AGAIN = Set.of("40001", "40P01", "55P03", "57P01", "57P02", "57P03");

    record Account(String account, String status) {}

    record Receipt(BigDecimal amount, BigDecimal balance, boolean replayed) {
        static Receipt of(ResultSet row) throws SQLException {
            return new Receipt(row.getBigDecimal("amount"), row.getBigDecimal("balance"), row.getBoolean("replayed"));
        }
    }

    record Entry(long entry, String operation, BigDecimal amount, BigDecimal balance) {
        static Entry of(ResultSet row) throws SQLException {
            return new Entry(
                    row.getLong("entry"),
                    row.getString("operation"),
                    row.getBigDecimal("amount"),
                    row.getBigDecimal("balance"));
        }
    }

    interface Work<T> {
        T in(Connection connection) throws SQLException;
    }

    interface Mapper<T> {
        T of(ResultSet row) throws SQLException;
    }

    final String url;
    final Properties properties = new Properties();

    Credits(String[] args) {
        if (args.length > 0) {
            url = args[0];
            return;
        }
        url = "jdbc:postgresql://%s:%s/%s"
                .formatted(variable("PGHOST", "localhost"), variable("PGPORT", "5432"), variable("PGDATABASE", "app"));
        properties.setProperty("user", variable("PGUSER", "app"));
        properties.setProperty("password", variable("PGPASSWORD", ""));
    }

    static String variable(String name, String otherwise) {
        return System.getenv().getOrDefault(name, otherwise);
    }

    /** Runs `work` in a transaction, as a whole and from its start as often as it takes. */
    <T> T transaction(Work<T> work) throws SQLException, InterruptedException {
        for (int attempt = 1; ; attempt++) {
            // A new connection each time keeps this short: to close it is to roll back what has not been committed. A
            // pool's connection stays open; there, call rollback() where work fails.
            try (Connection connection = DriverManager.getConnection(url, properties)) {
                connection.setAutoCommit(false);
                T result = work.in(connection);
                connection.commit(); // can fail, too: only now it is done
                return result;
            } catch (SQLException error) {
                if (attempt == ATTEMPTS || !worthAnotherAttempt(error)) {
                    throw error;
                }
                System.err.printf("attempt %d: %s%n", attempt, error.getSQLState());
            }
            Thread.sleep(50L << attempt);
        }
    }

    /** JDBC drivers have SQLSTATEs of class 08 for connections that the driver lost or did not get. */
    static boolean worthAnotherAttempt(SQLException error) {
        String state = error.getSQLState();
        return state != null && (AGAIN.contains(state) || state.startsWith("08"));
    }

    static <T> List<T> query(Connection connection, Mapper<T> mapper, String sql, Object... values)
            throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            for (int at = 0; at < values.length; at++) {
                statement.setObject(at + 1, values[at]); // a BigDecimal is a numeric, a String a varchar
            }
            List<T> rows = new ArrayList<>();
            try (ResultSet row = statement.executeQuery()) {
                while (row.next()) {
                    rows.add(mapper.of(row));
                }
            }
            return rows;
        }
    }

    Account openAccount(String account) throws Exception {
        String sql = "SELECT account, status FROM credits_open_account(account => ?)";
        Mapper<Account> mapper = row -> new Account(row.getString("account"), row.getString("status"));
        return transaction(connection -> query(connection, mapper, sql, account).get(0));
    }

    Receipt grant(String account, BigDecimal amount, String key) throws Exception {
        String sql = """
                SELECT amount, balance, replayed
                FROM credits_grant(account => ?, amount => ?, idempotency_key => ?)""";
        return transaction(connection -> query(connection, Receipt::of, sql, account, amount, key).get(0));
    }

    /** Notes a job and takes its credits. The job's own name is the key: it is known before the first attempt. */
    Receipt runJob(String job, String account, BigDecimal amount) throws Exception {
        // A repeated transaction may find the job that it has committed before.
        String note = "INSERT INTO jobs (job, account, credits) VALUES (?, ?, ?) ON CONFLICT (job) DO NOTHING";
        String debit = """
                SELECT amount, balance, replayed
                FROM credits_debit(account => ?, amount => ?, idempotency_key => ?, feature => 'render')""";
        return transaction(connection -> {
            try (PreparedStatement statement = connection.prepareStatement(note)) {
                statement.setString(1, job);
                statement.setString(2, account);
                statement.setBigDecimal(3, amount);
                statement.executeUpdate();
            }
            // Last, because it locks the account until the COMMIT.
            return query(connection, Receipt::of, debit, account, amount, job).get(0);
        });
    }

    List<Entry> history(String account) throws Exception {
        String sql = "SELECT entry, operation, amount, balance FROM credits_history WHERE account = ? ORDER BY entry";
        return transaction(connection -> query(connection, Entry::of, sql, account));
    }

    List<String> jobs() throws Exception {
        return transaction(connection ->
                query(connection, row -> row.getString("job"), "SELECT job FROM jobs ORDER BY job"));
    }

    BigDecimal available(String account) throws Exception {
        String sql = "SELECT available FROM credits_balance(?)";
        return transaction(connection -> query(connection, row -> row.getBigDecimal(1), sql, account).get(0));
    }

    /** A figure of DETAIL, in which they are `name=value` pairs. */
    static String figure(SQLException error, String name) {
        if (error instanceof PSQLException said && said.getServerErrorMessage() != null) {
            for (String pair : said.getServerErrorMessage().getDetail().split(" ")) {
                if (pair.startsWith(name + "=")) {
                    return pair.substring(name.length() + 1);
                }
            }
        }
        throw new IllegalArgumentException("no " + name + " in " + error);
    }

    static void show(String key, String done, Receipt receipt) {
        System.out.printf(
                "%s: %s %s, balance %s%s%n",
                key, done, plain(receipt.amount()), plain(receipt.balance()), receipt.replayed() ? ", replayed" : "");
    }

    /** A BigDecimal's own toString may write 1E+2. */
    static String plain(BigDecimal number) {
        return number.toPlainString();
    }

    public static void main(String[] args) throws Exception {
        Credits credits = new Credits(args);

        Account account = credits.openAccount("acme");
        System.out.printf("%s: %s%n", account.account(), account.status());
        // BigDecimal of a text, and never of a double: amounts are exact.
        show("order-1", "granted", credits.grant("acme", new BigDecimal("100"), "order-1"));

        // The second time stands for a caller who never saw the first answer. Nothing is taken twice.
        for (int time = 1; time <= 2; time++) {
            show("job-1", "debited", credits.runJob("job-1", "acme", new BigDecimal("12.345678")));
        }

        try {
            credits.runJob("job-2", "acme", new BigDecimal("500"));
        } catch (SQLException error) {
            if (!"LC001".equals(error.getSQLState())) {
                throw error;
            }
            BigDecimal missing = new BigDecimal(figure(error, "shortfall"));
            System.out.printf("job-2: %s, %s credits are missing%n", error.getSQLState(), plain(missing));
        }

        for (Entry entry : credits.history("acme")) {
            System.out.printf(
                    "%d %s %s, balance %s%n",
                    entry.entry(), entry.operation(), plain(entry.amount()), plain(entry.balance()));
        }
        // job-2 was refused, and its row went with it.
        System.out.println("jobs: " + String.join(", ", credits.jobs()));
        System.out.println("available: " + plain(credits.available("acme")));
    }
}
