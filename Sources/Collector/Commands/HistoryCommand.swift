import ArgumentParser
import CollectorSupport
import FoundationEssentials
import Ledger
import Shared
import Verdict

/// `history`: past verifications, and statistics of services and hosts.
struct HistoryCommand: CollectorCommand {
    static let environmentFlags = StoreOptions.environmentFlags

    static let configuration = CommandConfiguration(
        commandName: "history",
        abstract: "Show past verifications: verdict, hosts, time to converge; newest first",
        discussion: """
            With --by, shows statistics of services or hosts instead, worst first: over all finished verifications, the \
            median, the 95th percentile (nearest rank) and the maximum of the hosts' times to converge, and the number of \
            failures. A host counts as late if it was not on the target at the end, or if it took more than twice its \
            verification's median (and more than a second longer). It counts as failed if it ended neither converged nor \
            behind. Verifications that were superseded, interrupted, inconclusive or refused count against no host. Waived \
            hosts are left out.
            """)

    enum Format: String, CaseIterable, ExpressibleByArgument { case text, json, csv }

    @Option(help: "Only verifications of this service.")
    var service: String?

    @Option(help: "Only verifications of this host, with its status in each.")
    var host: String?

    @Option(
        help: ArgumentHelp(
            "Only verifications that started since: a duration (30d, 12h, 2w), a date (in UTC), or a date and time with "
                + "its offset.",
            valueName: "when"),
        transform: ArgumentText.pastMoment)
    var since: TimeCutoff?

    @Option(help: "Only verifications with this verdict, for example rolled_back.", transform: ArgumentText.verdict)
    var verdict: Verdict?

    @Flag(help: "Only verifications with an exit code other than 0.")
    var failed = false

    @Option(help: "Show statistics of each service or of each host.")
    var by: HistoryStatistics.Grouping?

    @Option(help: "Order of --by: failed, late or time (default: failed).")
    var sort: HistoryStatistics.Order?

    @Option(help: "Maximum number of rows (default: 20 as text, all as csv and json).")
    var limit: Int?

    @OptionGroup var store: StoreOptions

    @Option(help: "Output format: text, json or csv.")
    var format = Format.text

    func validate() throws {
        if let limit, limit < 1 { throw ValidationError("invalid --limit '\(limit)': expected 1 or more") }
        if verdict != nil, failed {
            throw ValidationError("--failed and --verdict exclude each other: give one of them")
        }
        if sort != nil, by == nil { throw ValidationError("--sort needs --by service or --by host") }
    }

    func run() async throws {
        let environment = ProcessEnvironment.current
        let shown = try await Spinner.show("reading the ledger", on: .standardError, environment: environment) { _ in
            try await output(environment: environment, now: Date())
        }
        Terminal.standardOutput.write(shown)
    }

    /// The text for standard output.
    func output(environment: [String: String], now: Date) async throws -> String {
        let filter = try filter(now: now)
        // Only the text table shows the number of omitted rows. Other formats must not be truncated silently.
        let isGiven = limit != nil
        let limit = limit ?? (format == .text ? 20 : .max)
        let ledger = try await Ledger.openForReading(store: store.store, environment: environment)
        guard let by else {
            let entries = try await ledger.history(filter, limit: limit, now: now)
            let all =
                isGiven || entries.count < limit ? entries.count : try await ledger.historyCount(filter, now: now)
            let table = HistoryTable(entries: entries, filter: filter, more: all - entries.count)
            return switch format {
            case .text: table.text(Terminal.standardOutput.layout)
            case .json: try table.json()
            case .csv: table.csv()
            }
        }
        let statistics = try await ledger.statistics(filter, by: by, now: now)
        let table = StatisticsTable(
            statistics: statistics, filter: filter, order: sort ?? .failed, limit: limit,
            tellsMore: !isGiven)
        return switch format {
        case .text: table.text(Terminal.standardOutput.layout)
        case .json: try table.json()
        case .csv: table.csv()
        }
    }

    private func filter(now: Date) throws -> HistoryFilter {
        var filter = HistoryFilter(service: service, host: host)
        if let since {
            guard let date = since.date(now: now) else {
                throw UsageError("invalid --since: it lies in the future")
            }
            filter.since = date
        }
        filter.ending = failed ? .failed : verdict.map(HistoryFilter.Ending.verdict)
        return filter
    }
}
