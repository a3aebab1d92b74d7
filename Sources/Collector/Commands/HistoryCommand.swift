import ArgumentParser
import CollectorSupport
import FoundationEssentials
import Ledger
import Shared
import Verdict

/// `history`: past verifications, what hosts served, and statistics.
struct HistoryCommand: CollectorCommand {
    static let environmentFlags = StoreOptions.environmentFlags

    static let configuration = CommandConfiguration(
        commandName: "history",
        abstract: "Show past verifications: verdict, hosts, time to converge; newest first",
        discussion: """
            With --host, shows what the host served in each verification, and in the statuses that 'status --record' kept. \
            With --at, shows what each host served at that time: the last observation before it and the next one after it.

            With --by, shows statistics over all verifications that have ended: of services, hosts or the values of a label, \
            worst first, or by day or week in UTC. Times to converge are the median, the 95th percentile (nearest rank) and \
            the maximum over the hosts that converged during a verification; hosts that served the target from the start \
            have none. A host counts as late if it was not on the target at the end, or if it took more than twice its \
            verification's median and more than a polling interval longer. It counts as failed if it ended neither converged \
            nor behind. Verifications that were superseded, interrupted, inconclusive or refused count against no host, and \
            those that a failure stopped early make no host late. Waived hosts are left out.
            """)

    enum Format: String, CaseIterable, ExpressibleByArgument { case text, json, csv }

    @Option(help: "Only verifications of this service.")
    var service: String?

    @Option(
        name: .customLong("environment"),
        help: ArgumentHelp("Only this environment (default: all).", valueName: "name"),
        transform: ArgumentText.environmentName)
    var environmentName: EnvironmentName?

    @Option(help: "Only verifications of this host, with its status and what it served in each.")
    var host: String?

    @Option(
        help: ArgumentHelp(
            "Only verifications that started since: a duration before now (30d, 12h, 2w), a day in UTC (2026-10-01, "
                + "yesterday, tuesday), or a day and time with its offset ('tuesday 14:00+01:00').",
            valueName: "when"),
        transform: ArgumentText.pastMoment)
    var since: TimeCutoff?

    @Option(
        help: ArgumentHelp("Only verifications that started before this time, as for --since.", valueName: "when"),
        transform: ArgumentText.pastMoment)
    var until: TimeCutoff?

    @Option(
        help: ArgumentHelp("Show what hosts served at this time, as for --since.", valueName: "when"),
        transform: ArgumentText.pastMoment)
    var at: TimeCutoff?

    @Option(help: "Only verifications with this verdict, for example rolled_back.", transform: ArgumentText.verdict)
    var verdict: Verdict?

    @Flag(help: "Only verifications with an exit code other than 0.")
    var failed = false

    @Option(
        help: ArgumentHelp("Show statistics by service, host, day, week, or label=KEY.", valueName: "what"),
        transform: ArgumentText.grouping)
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
        if sort != nil, by?.isSortable != true {
            throw ValidationError("--sort needs --by service, --by host or --by label=KEY")
        }
        let excluded: [(String, Bool)] = [
            ("--since", since != nil), ("--until", until != nil), ("--verdict", verdict != nil), ("--failed", failed),
            ("--by", by != nil), ("--limit", limit != nil),
        ]
        if at != nil, let other = excluded.first(where: \.1) {
            throw ValidationError("--at and \(other.0) exclude each other: give one of them")
        }
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
        // Other formats than text are for programs, and must not be truncated silently.
        let limit = limit ?? (format == .text ? 20 : .max)
        let moment = try at.map { try pastDate($0, "--at", now: now) }
        let ledger = try await Ledger.openForReading(store: store.store, environment: environment)
        if let moment {
            let moments = try await ledger.moments(
                at: moment, host: host, service: service, environment: environmentName)
            let table = MomentTable(moments: moments, filter: filter, at: moment)
            return switch format {
            case .text: table.text(Terminal.standardOutput.layout)
            case .json: try table.json()
            case .csv: table.csv()
            }
        }
        guard let by else {
            let entries = try await ledger.history(filter, limit: limit, now: now)
            let all = entries.count < limit ? entries.count : try await ledger.historyCount(filter, now: now)
            let table = HistoryTable(
                entries: entries, statuses: try await ledger.statuses(filter), filter: filter, limit: limit,
                more: all - entries.count)
            return switch format {
            case .text: table.text(Terminal.standardOutput.layout)
            case .json: try table.json()
            case .csv: table.csv()
            }
        }
        let statistics = try await ledger.statistics(filter, by: by, now: now)
        let table = StatisticsTable(statistics: statistics, filter: filter, order: sort ?? .failed, limit: limit)
        return switch format {
        case .text: table.text(Terminal.standardOutput.layout)
        case .json: try table.json()
        case .csv: table.csv()
        }
    }

    private func filter(now: Date) throws -> HistoryFilter {
        var filter = HistoryFilter(service: service, environment: environmentName, host: host)
        filter.since = try since.map { try pastDate($0, "--since", now: now) }
        // A time in the future excludes nothing.
        filter.until = until?.moment(now: now)
        if let since = filter.since, let until = filter.until, since >= until {
            throw UsageError("invalid --until: it is not after --since: give a later time")
        }
        filter.ending = failed ? .failed : verdict.map(HistoryFilter.Ending.verdict)
        return filter
    }

    private func pastDate(_ cutoff: TimeCutoff, _ flag: String, now: Date) throws -> Date {
        guard let date = cutoff.date(now: now) else {
            throw UsageError(
                "invalid \(flag): it lies in the future: give an earlier time, for example 7d or yesterday")
        }
        return date
    }
}
