import ArgumentParser
import Foundation
import Shared
import Testing

@testable import Collector
@testable import CollectorFixtures
@testable import CollectorSupport
@testable import Ledger
@testable import Reports
@testable import Verdict

@Suite("The history and report commands")
struct HistoryTests {
    /// A ledger with a finished verification, an interrupted one, and one that another collector still runs.
    private func withRecorded(_ body: (String) async throws -> Void) async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let path = "\(folder.path)/ledger.db"
        let ledger = try await Ledger.open(path: path)
        let (one, two) = (try LedgerFixtures.sha("1"), try LedgerFixtures.sha("2"))
        let finished = LedgerFixtures.run("01-first", sha: one, digest: try LedgerFixtures.digest("d"))
        let generation = try await ledger.begin(finished).generation
        try await ledger.finish(try LedgerFixtures.report(finished, generation: generation))
        var gone = ProcessIdentity.current()
        gone.boot = "earlier"
        let interrupted = try await ledger.begin(LedgerFixtures.run("02-second", sha: two), process: gone)
        let transition = Report.Host.Transition(seconds: 1, status: .pending, reason: "serves 1")
        try await ledger.append([.init(host: 1, number: 0, transition: transition)], to: interrupted.verification)
        _ = try await ledger.begin(LedgerFixtures.run("03-third", service: "web", sha: two, hosts: ["x"]))
        try await body(path)
    }

    private func history(_ arguments: [String]) async throws -> String {
        let command = try #require(try HistoryCommand.parseAsRoot(arguments) as? HistoryCommand)
        return try await command.output(environment: [:], now: LedgerFixtures.now)
    }

    private struct Listing: Decodable {
        var schema: Int
        var verifications: [HistoryEntry]
    }

    private func listing(_ arguments: [String]) async throws -> Listing {
        let text = try await history(arguments + ["--format", "json"])
        return try JSONDecoder().decode(Listing.self, from: Data(text.utf8))
    }

    /// A ledger with two days of usual verifications, with long ids, digests, environments and recorded statuses.
    private func withUsual(
        environments: [EnvironmentName] = [.standard], _ body: (Ledger) async throws -> Void
    ) async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let ledger = try await Ledger.open(path: "\(folder.path)/ledger.db")
        for (number, digit) in "12345".enumerated() {
            for environment in environments {
                var run = LedgerFixtures.run(
                    "20261123T12000\(number)-0000\(digit)\(environment.description.count)aa",
                    sha: try LedgerFixtures.sha(digit),
                    digest: try LedgerFixtures.digest(digit))
                run.target.environment = environment
                let generation = try await ledger.begin(run).generation
                try await ledger.finish(try LedgerFixtures.report(run, generation: generation))
            }
        }
        try await body(ledger)
    }

    @Test(
        "In 80 columns each verification is one line, with its id, and a host's history begins each record with its start",
        arguments: [[EnvironmentName.standard], ["production", "staging"].compactMap(EnvironmentName.init)])
    func narrow(environments: [EnvironmentName]) async throws {
        try await withUsual(environments: environments) { ledger in
            let layout = TextLayout(columns: 80)
            let filter = HistoryFilter()
            let entries = try await ledger.history(filter, now: LedgerFixtures.now)
            #expect(entries.count == 5 * environments.count)
            let lines = HistoryTable(entries: entries, filter: filter).text(layout).split(separator: "\n")
            #expect(lines.count == entries.count + 1, "\(lines)")
            #expect(zip(lines.dropFirst(), entries).allSatisfy { $0.hasPrefix($1.id) })
            #expect(lines.allSatisfy { $0.count <= 80 }, "\(lines)")
            #expect(lines[0].hasSuffix("TARGET") && lines[1].hasSuffix("555555555555 (5)"))
            // A wide terminal and a file have everything.
            let all = HistoryTable(entries: entries, filter: filter)
            #expect(all.text(TextLayout(columns: 250)) == all.text())
            #expect(
                all.text().hasPrefix("ID ") && all.text().contains("P95") && all.text().contains("sha256:555555555555"))

            let ofHost = HistoryFilter(host: "a")
            let hosts = try await ledger.history(ofHost, now: LedgerFixtures.now)
            let shown = HistoryTable(entries: hosts, filter: ofHost).text(layout).split(separator: "\n")
            #expect(shown[0].hasPrefix("STARTED ") && shown[0].hasSuffix("REASON"))
            #expect(shown.allSatisfy { $0.count <= 80 }, "\(shown)")
            // Only a reason takes more than one line.
            let starts = shown.dropFirst().filter { !$0.hasPrefix(" ") }
            #expect(starts.count == hosts.count && starts.allSatisfy { $0.hasPrefix("2026-11-23 12:00:00Z") })

            for grouping in [HistoryStatistics.Grouping.service, .host, .day, .week] {
                let statistics = try await ledger.statistics(filter, by: grouping, now: LedgerFixtures.now)
                let text = StatisticsTable(statistics: statistics, filter: filter, order: .failed, limit: 20).text(
                    layout)
                let rows = text.split(separator: "\n")
                #expect(rows.allSatisfy { $0.count <= 80 }, "\(text)")
                #expect(rows[0].contains("FAILED") && rows[0].contains("VERIFICATIONS"), "\(text)")
            }
        }
    }

    @Test("An empty period is named in whole seconds, with both ends")
    func period() async throws {
        try await withRecorded { path in
            let none = try await history(["--store", path, "--since", "9d", "--until", "8d"])
            #expect(none == "no verification between 2026-11-14 12:00:00Z and 2026-11-15 12:00:00Z is recorded\n")
            let until = try await history(["--store", path, "--until", "8d"])
            #expect(until == "no verification before 2026-11-15 12:00:00Z is recorded\n")
        }
    }

    @Test("History lists verifications newest first, with their outcomes")
    func text() async throws {
        try await withRecorded { path in
            let expected = """
                ID         STARTED               SERVICE  VERDICT      PROVEN  P50   P95   MAX   TARGET
                03-third   2026-11-23 12:00:00Z  web      running      -/1     -     -     -     222222222222 (1)
                02-second  2026-11-23 12:00:00Z  canvas   interrupted  -/3     -     -     -     222222222222 (2)
                01-first   2026-11-23 12:00:00Z  canvas   stragglers   2/3     1.1s  2.2s  2.2s  111111111111 sha256:dddddddddddd (1)

                """
            let text = try await history(["--store", path])
            #expect(text == expected)
        }
    }

    @Test("The history of a host shows its status, and what it served, in each verification")
    func historyOfHost() async throws {
        try await withRecorded { path in
            let expected = """
                ID         STARTED               ENDED                 SERVICE  VERDICT      STATUS     SERVED                            TARGET                                REASON
                02-second  2026-11-23 12:00:00Z  -                     canvas   interrupted  pending    -                                 222222222222 (2)                      serves 1
                01-first   2026-11-23 12:00:00Z  2026-11-23 12:00:12Z  canvas   stragglers   converged  111111111111 sha256:dddddddddddd  111111111111 sha256:dddddddddddd (1)  serves 1

                """
            let text = try await history(["--store", path, "--host", "b"])
            #expect(text == expected)
            let entry = try #require(try await listing(["--store", path, "--host", "b"]).verifications.last?.host)
            #expect(entry.gitSHA == (try LedgerFixtures.sha("1")))
            #expect(entry.digest == (try LedgerFixtures.digest("d")))
            #expect(
                try await history(["--store", path, "--host", "q"]) == "no verification with host 'q' is recorded\n")
        }
    }

    @Test("History filters by service and limits the number of rows")
    func filters() async throws {
        try await withRecorded { path in
            let canvas = try await history(["--store", path, "--service", "canvas", "--limit", "1"])
            #expect(canvas.split(separator: "\n").count == 3)
            #expect(canvas.contains("02-second"))
            #expect(canvas.hasSuffix("… and 1 more verifications: give --limit, or --format csv for all\n"))
            let json = try await history(["--store", path, "--limit", "1", "--format", "json"])
            #expect(json.contains("\"left_out\" : 2"))
        }
    }

    @Test("History as JSON has the same verifications")
    func json() async throws {
        try await withRecorded { path in
            let text = try await history(["--store", path, "--format", "json"])
            let listing = try JSONDecoder().decode(Listing.self, from: Data(text.utf8))
            #expect(listing.schema == 2)
            #expect(listing.verifications.map(\.id) == ["03-third", "02-second", "01-first"])
            #expect(listing.verifications.map(\.state) == [.running, .interrupted, .finished])
            #expect(listing.verifications.map(\.verdict) == [nil, .interrupted, .stragglers])
            #expect(text.contains("\"verdict\" : null"))
        }
    }

    @Test("Only a superseded verification names the promotion that took over")
    func supersededVerification() async throws {
        try await withRecordedHistory { recorded, path in
            try await recorded.add(daysAgo: 4, build: "1", verdict: .superseded)
            try await recorded.add(daysAgo: 3, build: "2", verdict: .stragglers)
            try await recorded.add(daysAgo: 2, build: "3", verdict: .converged)
            let listing = try await listing(["--store", path])
            #expect(listing.verifications.map(\.supersededBy?.generation) == [nil, nil, 2])
            #expect(listing.verifications.last?.supersededBy?.gitSHA == (try LedgerFixtures.sha("2")))
            let text = try await history(["--store", path])
            #expect(text.contains("111111111111 (1), superseded by 222222222222 (2)\n"))
            let csv = try await history(["--store", path, "--format", "csv"])
            #expect(csv.split(separator: "\r\n").last?.contains(",2,\(try LedgerFixtures.sha("2").hex),,") == true)
        }
    }

    @Test("History filters by period, verdict and failure")
    func filtersByEnding() async throws {
        try await withRecordedHistory { recorded, path in
            try await recorded.add(daysAgo: 40, verdict: .rolledBack)
            try await recorded.add(daysAgo: 20, verdict: .stragglers)
            try await recorded.add(daysAgo: 10, verdict: .converged)
            try await recorded.add(daysAgo: 5, verdict: nil)
            _ = try await recorded.ledger.begin(LedgerFixtures.run("r", sha: try LedgerFixtures.sha("1")))
            func ids(_ arguments: String...) async throws -> [String] {
                try await listing(["--store", path] + arguments).verifications.map(\.id)
            }
            #expect(try await ids() == ["r", "4", "3", "2", "1"])
            #expect(try await ids("--until", "2026-11-13T12:00:00Z") == ["2", "1"])
            #expect(try await ids("--until", "2026-11-13T12:00:01Z") == ["3", "2", "1"])
            #expect(try await ids("--until", "2099-01-01") == ["r", "4", "3", "2", "1"])
            #expect(try await ids("--since", "30d", "--until", "8d") == ["3", "2"])
            #expect(try await ids("--since", "30d") == ["r", "4", "3", "2"])
            #expect(try await ids("--since", "2026-11-13T12:00:00Z") == ["r", "4", "3"])
            #expect(try await ids("--since", "2026-11-13T12:00:01Z") == ["r", "4"])
            #expect(try await ids("--failed") == ["4", "2", "1"])
            #expect(try await ids("--failed", "--since", "30d", "--limit", "1") == ["4"])
            #expect(try await ids("--verdict", "interrupted") == ["4"])
            #expect(try await ids("--verdict", "rolled_back") == ["1"])
            #expect(try await ids("--verdict", "superseded") == [])
            #expect(try await ids("--host", "a", "--failed", "--since", "3w") == ["4", "2"])
            let nothing = try await history(["--store", path, "--since", "1h", "--failed", "--service", "web"])
            #expect(
                nothing
                    == "no failed verification of service 'web' since 2026-11-23 11:00:00Z is recorded\n")
        }
    }

    @Test("Comma-separated values have the same columns for every filter")
    func csv() async throws {
        try await withRecorded { path in
            let all = try await history(["--store", path, "--format", "csv"]).split(separator: "\r\n")
            let one = try await history(["--store", path, "--format", "csv", "--host", "c"]).split(separator: "\r\n")
            #expect(all.count == 4)
            #expect(all.first == one.first)
            #expect(all.first?.hasPrefix("id,service,generation,git_sha,digest,started_at,") == true)
            let served = try LedgerFixtures.sha("1").hex
            #expect(
                one.last?.hasSuffix(",c,straggler,,serves 2,verification,default,\(served),,,,,,,") == true, "\(one)")
            let columns = all.map { $0.split(separator: ",", omittingEmptySubsequences: false).count }
            #expect(Set(columns).count == 1)
        }
    }

    @Test("Environments are shown where there are several, and one can be selected")
    func environments() async throws {
        try await withRecordedHistory { recorded, path in
            let production = try #require(EnvironmentName("production"))
            try await recorded.add(daysAgo: 2, verdict: .converged)
            try await recorded.add(daysAgo: 1, environment: production, verdict: .stragglers)
            let all = try await history(["--store", path])
            #expect(all.hasPrefix("ID  STARTED               SERVICE  ENVIRONMENT  VERDICT "))
            #expect(all.contains("canvas   production   stragglers"))
            let one = try await history(["--store", path, "--environment", "production"])
            #expect(!one.contains("ENVIRONMENT") && one.contains("stragglers") && !one.contains("converged"))
            let both = ["--service", "canvas", "--environment", "production"]
            #expect(try await listing(["--store", path] + both).verifications.map(\.environment) == [production])
            #expect(
                try await history(["--store", path, "--environment", "qa"]) == "no verification in qa is recorded\n")
            let services = try await history(["--store", path, "--by", "service"])
            #expect(services.hasPrefix("SERVICE  ENVIRONMENT  VERIFICATIONS"))
            #expect(services.contains("canvas   production   1 ") && !services.contains("@"))
        }
    }

    @Test("By day or week, periods are in the order of time, with those between")
    func trends() async throws {
        try await withRecordedHistory { recorded, path in
            // LedgerFixtures.now is Monday, 2026-11-23T12:00:00Z.
            try await recorded.add(daysAgo: 12, verdict: .rolledBack, hosts: [("a", .ended(.rolledBack))])
            try await recorded.add(
                daysAgo: 1, verdict: .converged, hosts: [("a", .converged(4)), ("b", .servedFromStart)])
            try await recorded.add(daysAgo: 0.75, verdict: .stragglers, hosts: [("a", .ended(.straggler))])
            try await recorded.add(daysAgo: 0.1, verdict: .converged, hosts: [("a", .servedFromStart)])
            let weeks = try await history(["--store", path, "--by", "week"])
            #expect(
                weeks == """
                    WEEK      VERIFICATIONS  GREEN              FAILED  ROLLED BACK  LATE  P50   P95   MAX
                    2026-W46  1              0 %    ..........  1       1            0     -     -     -
                    2026-W47  2              50 %   =====.....  1       0            1     4.0s  4.0s  4.0s
                    2026-W48  1              100 %  ==========  0       0            0     -     -     -

                    """)
            let days = try await history(["--store", path, "--by", "day", "--limit", "3"])
            #expect(days.hasPrefix("… 10 earlier days: give --limit, or --format csv for all\nDAY "))
            #expect(days.contains("\n2026-11-21  0              -    "))
            let csv = try await history(["--store", path, "--by", "day", "--format", "csv"]).split(separator: "\r\n")
            #expect(csv.count == 14)
            #expect(csv.last == "2026-11-23,2026-11-23T00:00:00.000Z,1,1,0,0,,,,1,1,0,0,converged 1")
            let json = try await history(["--store", path, "--by", "week", "--format", "json"])
            #expect(json.contains(#""period" : "2026-W47""#) && json.contains(#""by" : "week""#))
        }
    }

    @Test("By a label, each value has its hosts, and hosts without the label have their own row")
    func labels() async throws {
        try await withRecordedHistory { recorded, path in
            func host(_ name: String, _ region: String?, _ status: HostStatus, _ seconds: Double?) -> (
                String, RecordedHistory.Result
            ) {
                (
                    name,
                    .init(status: status, seconds: seconds, labels: region.map { ["region": $0, "zone": "z"] } ?? [:])
                )
            }
            for _ in 0..<2 {
                try await recorded.add(
                    daysAgo: 1, verdict: .stragglers,
                    hosts: [
                        host("a", "eu", .converged, 2), host("b", "eu", .converged, nil),
                        host("c", "us", .straggler, nil), host("d", nil, .failed, nil),
                    ])
            }
            #expect(
                try await history(["--store", path, "--by", "label=region", "--sort", "late"]) == """
                    REGION      HOSTS  VERIFICATIONS  CONVERGED  FAILED  LATE  P50   P95   MAX   PROBLEMS
                    us          1      2              0 %        0       2     -     -     -     straggler 2
                    (no label)  1      2              0 %        2       0     -     -     -     failed 2
                    eu          2      2              100 %      0       0     2.0s  2.0s  2.0s

                    """)
            let csv = try await history(["--store", path, "--by", "label=region", "--format", "csv"])
            #expect(csv.contains("region,eu,2,2,4,2,0,0,2.0,2.0,2.0,converged 4\r\n"))
            let json = try await history(["--store", path, "--by", "label=region", "--format", "json"])
            #expect(json.contains(#""value" : null"#) && json.contains(#""label" : "region""#))
        }
    }

    @Test("Statistics list the worst first")
    func statistics() async throws {
        try await withRecordedHistory { recorded, path in
            try await recorded.add(
                daysAgo: 2, verdict: .failedDeploy,
                hosts: [("a", .converged(3)), ("b", .converged(65)), ("=c", .ended(.failed))])
            try await recorded.add(daysAgo: 1, service: "web", verdict: .converged, hosts: [("a", .converged(4))])
            let hosts = try await history(["--store", path, "--by", "host"])
            #expect(
                hosts == """
                    HOST  VERIFICATIONS  FAILED  LATE  P50    P95    MAX    PROBLEMS
                    =c    1              1       0     -      -      -      failed 1
                    b     1              0       1     1m 5s  1m 5s  1m 5s
                    a     2              0       0     3.0s   4.0s   4.0s

                    """)
            let services = try await history(["--store", path, "--by", "service", "--limit", "1"])
            #expect(
                services == """
                    SERVICE  VERIFICATIONS  FAILED  P50   P95    MAX    LATE  VERDICTS
                    canvas   1              1       3.0s  1m 5s  1m 5s  1     failed_deploy 1
                    … and 1 more services: give --limit, or --format csv for all

                    """)
            let csv = try await history(["--store", path, "--by", "host", "--format", "csv"])
            #expect(
                csv.split(separator: "\r\n") == [
                    "host,verifications,converged,late,failed,p50_seconds,p95_seconds,max_seconds,statuses,"
                        + "served_from_start",
                    "'=c,1,0,0,1,,,,failed 1,0", "b,1,1,1,0,65.0,65.0,65.0,converged 1,0",
                    "a,2,2,0,0,3.0,4.0,4.0,converged 2,0",
                ])
        }
    }

    @Test("Statistics as JSON state their grouping and period, and show missing times as null")
    func statisticsJSON() async throws {
        try await withRecordedHistory { recorded, path in
            try await recorded.add(daysAgo: 2, verdict: .unreachable, hosts: [("a", .ended(.unreachable))])
            struct Listing: Decodable {
                var schema: Int
                var by: String
                var verifications: Int
                var services: [HistoryStatistics.Service]?
                var hosts: [HistoryStatistics.Host]?
            }
            for by in ["host", "service"] {
                let text = try await history(["--store", path, "--by", by, "--format", "json"])
                let listing = try JSONDecoder().decode(Listing.self, from: Data(text.utf8))
                #expect((listing.schema, listing.by, listing.verifications) == (2, by, 1))
                #expect(listing.services?.map(\.failed) == (by == "service" ? [1] : nil))
                #expect(listing.hosts?.map(\.statuses) == (by == "host" ? [["unreachable": 1]] : nil))
                #expect(text.contains("\"seconds_to_converge\" : null"))
                #expect(text.contains("\"since\" : null"))
            }
            let nothing = try await history(["--store", path, "--by", "host", "--since", "1h"])
            #expect(nothing == "no verification since 2026-11-23 11:00:00Z is recorded\n")
        }
    }

    @Test(
        "A mistake on the command line is reported before the ledger is opened",
        arguments: [
            ["--limit", "0"], ["--store", "none"], ["--since", "last week"], ["--verdict", "green"],
            ["--verdict", "converged", "--failed"], ["--sort", "late"], ["--by", "month"], ["--format", "xml"],
            ["--by", "label"], ["--by", "label="], ["--by", "day", "--sort", "late"], ["--at", "14:00"],
            ["--at", "1d", "--since", "2d"], ["--at", "1d", "--by", "day"], ["--at", "1d", "--limit", "3"],
            ["--until", "soon"], ["--environment", "a b"], ["--at", "1d", "--failed"],
        ])
    func refusedArguments(arguments: [String]) {
        let error = #expect(throws: (any Error).self) { try HistoryCommand.parseAsRoot(arguments) }
        let message = error.map { HistoryCommand.message(for: $0) } ?? ""
        #expect(!message.isEmpty && !message.contains("\n"), "\(message)")
    }

    @Test("A time in the future is refused")
    func futureTime() async throws {
        for flag in ["--since", "--at"] {
            await #expect(throws: UsageError.self) { _ = try await history([flag, "2099-01-01"]) }
        }
        await #expect(throws: UsageError.self) { _ = try await history(["--since", "1d", "--until", "2d"]) }
    }

    @Test(
        "Report refuses impossible requests and names the remedy",
        arguments: [
            (["--store", "none"], "name a file"), (["x", "--service", "y"], "give one of them"),
            (["--report", "json=-", "--report", "evidence=x"], "the file that verify wrote"),
        ])
    func refusedReportArguments(arguments: [String], remedy: String) {
        let error = #expect(throws: (any Error).self) { try ReportCommand.parseAsRoot(arguments) }
        #expect(error.map { ReportCommand.message(for: $0) }?.contains(remedy) == true)
    }

    @Test("Report shows the last verification that has ended, or the one with the id")
    func report() async throws {
        try await withRecorded { path in
            func stored(_ arguments: [String]) async throws -> Report {
                let command = try #require(
                    try ReportCommand.parseAsRoot(["--store", path] + arguments) as? ReportCommand)
                return try await command.stored(environment: [:], now: LedgerFixtures.now)
            }
            let last = try await stored([])
            #expect(last.verification.id == "02-second")
            let first = try await stored(["01-first"])
            #expect(first.verdict == .stragglers)
            #expect(try await stored(["01"]).verification.id == "01-first")
            #expect(try await stored(["--service", "canvas"]).verification.id == "02-second")
            for unknown in ["nope", "01-first-", ""] {
                await #expect(throws: LedgerError.unknownVerification(id: unknown, path: path)) {
                    _ = try await stored([unknown])
                }
            }
            let candidates = ["03-third", "02-second", "01-first"]
            await #expect(throws: LedgerError.ambiguous(prefix: "0", candidates: candidates, count: 3)) {
                _ = try await stored(["0"])
            }
            await #expect(throws: LedgerError.noVerification(path: path, service: "web")) {
                _ = try await stored(["--service", "web"])
            }
            await #expect(throws: LedgerError.stillRunning(id: "03-third")) { _ = try await stored(["03"]) }
        }
    }
}
