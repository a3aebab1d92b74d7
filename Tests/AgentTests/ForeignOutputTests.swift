import Shared
import Testing

@testable import AgentCore

/// Outputs of health checks and errors of engines, as documents show them.
@Suite struct ForeignOutputTests {
    private func line(_ text: String) -> String { ForeignOutput.singleLine(text, limit: 256) }

    @Test(
        "Harmless outputs stay readable",
        arguments: [
            "curl: (7) Failed to connect to localhost port 8080 after 0 ms: Connection refused",
            "wget: server returned error: HTTP/1.1 503 Service Unavailable",
            "FATAL: password authentication failed for user \"canvas\"",
            "dial tcp 127.0.0.1:5432: connect: connection refused",
            "Health check exceeded timeout (5s)",
            "exec: \"/bin/missing\": stat /bin/missing: no such file or directory",
            "{\"status\":\"DOWN\",\"components\":{\"db\":{\"status\":\"DOWN\"}}}",
            "redis at redis://cache:6379/0 is loading",
            "driver failed: Bind for 0.0.0.0:8080 failed: port is already allocated", "",
            "Traceback: File \"/usr/lib/python3.11/site-packages/requests/adapters.py\", line 519",
            "größer, 日本語, naïve",
        ])
    func harmless(text: String) {
        #expect(line(text) == text)
    }

    @Test(
        "Secrets are masked, whatever surrounds them",
        arguments: [
            ("cannot reach postgres://canvas:hunter2@db:5432/shop", "cannot reach postgres://***@db:5432/shop"),
            ("amqp://u:hun/ter@2@mq/", "amqp://***@mq/"),
            ("root:hunter2@tcp(db:3306)/shop: refused", "***@tcp(db:3306)/shop: refused"),
            ("GET https://api.example/health?key=hunter2&x=1 500", "GET https://api.example/health?*** 500"),
            ("DATABASE_URL=postgres://u:hunter2@db/x", "DATABASE_URL=postgres://***@db/x"),
            ("> Authorization: Bearer hunter2\n> Accept: */*", "> Authorization: *** > Accept: */*"),
            ("Authorization:Basic aHVudGVyMg==", "Authorization:***"),
            ("{\"Authorization\": \"Bearer hunter2\"}", "{\"Authorization\": ***"),
            ("sent bearer hunter2 twice", "sent bearer *** twice"),
            ("Set-Cookie: id=hunter2; Path=/\nHTTP 500", "Set-Cookie: *** HTTP 500"),
            ("password=hunter2 host=db", "password=*** host=db"), ("DB_PASSWORD = hunter2", "DB_PASSWORD = ***"),
            ("password: 'hun ter 2' rest", "password: *** rest"),
            ("PGPASSWORD=\"hun ter2\" psql", "PGPASSWORD=*** psql"),
            ("{\"user\":\"canvas\",\"api_key\":\"hunter2\",\"x\":1} end", "{\"user\":\"canvas\",\"api_key\":*** end"),
            ("{\\\"token\\\":\\\"hunter2\\\"}", "{\\\"token\\\":***"), ("X-Api-Key: hunter2", "X-Api-Key: ***"),
            ("X-Vault-Token:\nhunter2", "X-Vault-Token: ***"), ("?token=hunter2,hunter2", "?token=***"),
            ("+ curl -u admin:hunter2 http://x/", "+ curl -u *** http://x/"),
            ("mysqladmin ping -phunter2 -h db", "mysqladmin ping -p*** -h db"),
            ("redis-cli --pass hunter2 ping", "redis-cli --pass *** ping"), ("--token=hunter2", "--token=***"),
            ("AccountName=a;AccountKey=hunter2==;x", "AccountName=a;AccountKey=***"),
            ("key ghp_0123456789abcdefHunter2abcdefghij0123 bad", "key *** bad"),
            ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.hunter2-x", "***"),
            ("id 3f2a0c9d3f2a0c9d3f2a0c9d: gone", "id ***: gone"),
        ])
    func secrets(text: String, shown: String) {
        #expect(line(text) == shown)
    }

    @Test("A mask does not depend on where an output is cut")
    func cut() {
        for length in 16_300..<16_420 {
            let text =
                String(repeating: "x ", count: length / 2) + "postgres://u:hunter2@db/ password=hunter2 Bearer hunter2"
            #expect(!line(text).contains("hunter") && !line(text).contains("u:h"), "\(length)")
        }
        for length in 0..<300 {
            let text = String(repeating: "y ", count: length) + "Authorization: Basic hunter2 hunter2"
            #expect(!line(text).contains("hunter"), "\(length)")
        }
    }

    @Test(
        "Control characters, terminal sequences and invalid text become one clean line",
        arguments: [
            ("\u{1B}[31mred\u{1B}[0m\u{1B}[K alert", "red alert"), ("one\r\ntwo\tthree\n\n", "one two three"),
            ("a\u{0}\u{1}\u{2}b", "a\u{FFFD}b"), ("\u{FFFD}\u{FFFD}\u{FFFD}", "\u{FFFD}"),
            ("::error::x", ":\\u{3a}error::x"),
            ("\u{202E}evil", "\\u{202e}evil"), ("\u{1B}]0;title\u{7}x", "0;title\u{FFFD}x"), (" \n ", ""),
            ("\u{1B}[", ""), ("pass\u{1B}[1mword=hunter2", "password=***"),
        ])
    func cleaned(text: String, shown: String) {
        #expect(line(text) == shown)
        #expect(Sanitizer.isVisibleLine(line(text)))
    }

    @Test(
        "What a program printed over is not shown",
        arguments: [
            (
                "  % Total    % Received\n\r  0     0    0\r  0     0    0 --:--:--\ncurl: (22) error: 503\n",
                "% Total % Received 0 0 0 --:--:-- curl: (22) error: 503"
            ),
            ("10%\r50%\r100%\r\ndone\r\n", "100% done"), ("only\r", "only"), ("a\r\r\nb\r", "a b"),
            ("password=\rhunter2 x", "*** x"),
        ])
    func carriageReturns(text: String, shown: String) {
        #expect(line(text) == shown)
    }

    @Test("A long output keeps its beginning and its end")
    func long() {
        let text = line("panic: boom\n" + String(repeating: "goroutine 1\n", count: 500) + "exit status 2")
        #expect(text.hasPrefix("panic: boom goroutine 1"))
        #expect(text.hasSuffix("goroutine 1 exit status 2"))
        #expect(text.contains("…"))
        #expect(text.unicodeScalars.count == 256)
        #expect(line(String(repeating: "a ", count: 1_000_000)).unicodeScalars.count == 256)
    }
}
