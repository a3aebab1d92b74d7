import ArgumentParser
import CollectorSupport
import FoundationEssentials
import Ledger
import Shared
import Verdict

/// `history`: past verifications, and how services and hosts did in them.
struct HistoryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "history",
        abstract: "Shows past verifications: verdict, hosts, time to converge; newest first.",
        discussion: """
            With --by it shows services or hosts instead, worst first: over the verifications that are over, the median, the \
            95th percentile (nearest rank) and the longest of all their hosts' times to converge, and what went wrong how \
            often. A host is late that was not there at the end, or came after more than twice its verification's median (and \
            more than a second after it); it failed where it ended neither converged nor behind. Verifications that were \
            superseded, interrupted, inconclusive or refused are held against no host. Waived hosts are left out.
            """)

    enum Format: String, CaseIterable, ExpressibleByArgument { case text, json, csv }

    @Option(help: "Only verifications of this service.")
    var service: String?

    @Option(help: "Only verifications of this host, with what they found of it.")
    var host: String?

    @Option(
        help: ArgumentHelp(
            "Only what started since: a time back (30d, 12h, 2w), a date (in UTC), or a date and time with its offset.",
            valueName: "when"),
        transform: ArgumentText.pastMoment)
    var since: TimeCutoff?

    @Option(help: "Only verifications that ended so, for example rolled_back.", transform: ArgumentText.verdict)
    var verdict: Verdict?

    @Flag(help: "Only verifications that did not end with exit code 0.")
    var failed = false

    @Option(help: "Statistics of each service or of each host.")
    var by: HistoryStatistics.Grouping?

    @Option(help: "With --by, what comes first: failed, late or time (default: failed).")
    var sort: HistoryStatistics.Order?

    @Option(help: "How many at most (default: 20 as text, all as csv and json).")
    var limit: Int?

    @Option(help: "The ledger's file.")
    var store: String?

    @Option(help: "text, json or csv.")
    var format = Format.text

    func validate() throws {
        if let limit, limit < 1 { throw ValidationError("--limit \(limit) shows nothing: give 1 or more") }
        if store == "none" { throw ValidationError("--store none keeps nothing to show: name a file") }
        if verdict != nil, failed { throw ValidationError("--failed and --verdict name different endings: give one") }
        if sort != nil, by == nil {
            throw ValidationError("--sort orders statistics: give --by service or --by host too")
        }
    }

    func run() async throws {
        let environment = ProcessEnvironment.current
        let shown = try await Spinner.show("reading the ledger", on: .standardError, environment: environment) { _ in
            try await output(environment: environment, now: Date())
        }
        Terminal.standardOutput.write(shown)
    }

    /// What is written to standard output.
    func output(environment: [String: String], now: Date) async throws -> String {
        let filter = try filter(now: now)
        // A spreadsheet that lacks rows without saying so is wrong; a person who sees twenty is told how many there are.
        let isGiven = limit != nil
        let limit = limit ?? (format == .text ? 20 : .max)
        let ledger = try await Ledger.openForReading(store: store, environment: environment)
        guard let by else {
            let entries = try await ledger.history(filter, limit: limit, now: now)
            let all =
                isGiven || entries.count < limit ? entries.count : try await ledger.historyCount(filter, now: now)
            let table = HistoryTable(entries: entries, filter: filter, more: all - entries.count)
            return switch format {
            case .text: table.text()
            case .json: try table.json()
            case .csv: table.csv()
            }
        }
        let statistics = try await ledger.statistics(filter, by: by, now: now)
        let table = StatisticsTable(
            statistics: statistics, filter: filter, order: sort ?? .failed, limit: limit,
            tellsMore: !isGiven)
        return switch format {
        case .text: table.text()
        case .json: try table.json()
        case .csv: table.csv()
        }
    }

    private func filter(now: Date) throws -> HistoryFilter {
        var filter = HistoryFilter(service: service, host: host)
        if let since {
            guard let date = since.date(now: now) else {
                throw UsageError("--since is yet to come: give a moment in the past")
            }
            filter.since = date
        }
        filter.ending = failed ? .failed : verdict.map(HistoryFilter.Ending.verdict)
        return filter
    }
}

extension HistoryStatistics.Grouping: ExpressibleByArgument {}
extension HistoryStatistics.Order: ExpressibleByArgument {}

extension ArgumentText {
    static func pastMoment(_ text: String) throws -> TimeCutoff {
        do throws(TimeCutoff.ParseError) {
            return try TimeCutoff(parsing: text)
        } catch {
            throw ValidationError("\(error)")
        }
    }

    /// A time of days and weeks, as retention takes it.
    static func longDuration(_ text: String) throws -> Duration {
        do throws(TimeCutoff.ParseError) {
            return try TimeCutoff.duration(text)
        } catch {
            throw ValidationError("'\(text)' is not a duration: write for example 90d, 12w or 36h")
        }
    }

    static func verdict(_ text: String) throws -> Verdict {
        guard let verdict = Verdict(rawValue: text) else {
            let known = Verdict.allCases.map(\.rawValue).joined(separator: ", ")
            throw ValidationError("'\(text)' is no verdict: use one of \(known)")
        }
        return verdict
    }
}
