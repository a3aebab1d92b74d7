import Foundation
import HTTPTypes
import Hummingbird
import Operations
import Shared
import Verdict

/// `GET /metrics`: Prometheus' text format 0.0.4, or OpenMetrics 1.0 for clients whose `Accept` names it.
///
/// The number of series depends on the configured fleets, and never on their hosts.
struct MetricsPage {
    let model: ServiceModel
    let counters: VerificationCounters
    let hooks: Hooks

    static let plain = "text/plain; version=0.0.4; charset=utf-8"
    static let openMetrics = "application/openmetrics-text; version=1.0.0; charset=utf-8"

    func page(_ request: Request) throws -> Response {
        _ = try Query(request, [])
        let isOpen = AcceptedType.openMetrics.isNamed(by: request)
        return .text(text(isOpen: isOpen, at: .now, wall: Date()), type: isOpen ? Self.openMetrics : Self.plain)
    }

    func text(isOpen: Bool, at now: ContinuousClock.Instant, wall: Date) -> String {
        var writer = MetricsWriter(isOpen: isOpen)
        let entries = model.entries
        let fleets = entries.map { entry in
            let snapshot = entry.board.snapshot
            return Fleet(labels: entry.fleet.deployed.labels, snapshot: snapshot, counts: snapshot.counts(at: now))
        }
        writer.family("buildinfo_build_info", .gauge, "The version of the collector.")
        writer.sample("buildinfo_build_info", [("version", BuildinfoVersion.current)], 1)
        writer.family(
            "buildinfo_fleet_hosts", .gauge, "Hosts by status. The statuses of a fleet add up to the expected hosts.")
        for fleet in fleets {
            for (status, count) in fleet.counts.byName.sorted(by: { $0.key < $1.key }) {
                writer.sample("buildinfo_fleet_hosts", fleet.labels + [("status", status)], Double(count))
            }
        }
        func gauge(_ metric: String, _ help: String, _ value: (Fleet) -> Double?) {
            writer.family(metric, .gauge, help)
            for fleet in fleets {
                if let value = value(fleet) { writer.sample(metric, fleet.labels, value) }
            }
        }
        gauge("buildinfo_fleet_hosts_expected", "Hosts that must serve the target.") { Double($0.counts.expected) }
        gauge("buildinfo_fleet_hosts_waived", "Hosts that the gate leaves out.") { Double($0.counts.waived) }
        gauge("buildinfo_fleet_fresh", "1 if the last round is fresh and a host answered, otherwise 0.") {
            $0.snapshot.isFresh(at: now) ? 1 : 0
        }
        gauge("buildinfo_fleet_as_of_timestamp_seconds", "The end of the last round in which every host was asked.") {
            $0.snapshot.roundAt.map { wall.time(of: $0, at: now).timeIntervalSince1970 }
        }
        gauge("buildinfo_fleet_freshness_limit_seconds", "The age from which a value is not fresh.") {
            $0.snapshot.freshness.seconds
        }
        gauge("buildinfo_builds_served", "Different builds that hosts serve now.") { fleet in
            let served = fleet.snapshot.hosts.filter { fleet.snapshot.isFresh($0.observedAt, at: now) }
            return Double(Set(served.compactMap { $0.gitSHA?.hex ?? $0.digest?.hex }).count)
        }
        writer.family("buildinfo_target_info", .gauge, "The promoted build.")
        for fleet in fleets {
            guard let target = fleet.snapshot.target else { continue }
            writer.sample(
                "buildinfo_target_info",
                fleet.labels + [("git_sha", target.gitSHA?.hex ?? ""), ("digest", target.digest?.description ?? "")], 1)
        }
        writeTags(of: zip(entries, fleets), to: &writer, at: now, wall: wall)
        counters.write(to: &writer, fleets: entries.map(\.fleet.deployed))
        model.refusals.write(to: &writer)
        hooks.write(to: &writer)
        return writer.finished
    }

    /// A fleet with what its series are made of, read once.
    private struct Fleet {
        let labels: [(String, String)]
        let snapshot: FleetSnapshot
        let counts: FleetSnapshot.Counts
    }

    /// The tags of fleets that have one.
    private func writeTags(
        of fleets: Zip2Sequence<[ServiceModel.Entry], [Fleet]>, to writer: inout MetricsWriter,
        at now: ContinuousClock.Instant, wall: Date
    ) {
        let tags = fleets.compactMap { entry, fleet in
            entry.tag.map { (labels: fleet.labels, tag: $0.snapshot, fleet: fleet.snapshot) }
        }
        guard !tags.isEmpty else { return }
        writer.family("buildinfo_tag_drift", .gauge, "1 for the state of the watched tag, otherwise 0.")
        for (labels, tag, fleet) in tags {
            // Hosts that left the promotion are in their own counts.
            let state = tag.state(in: fleet, [], at: now)
            for known in TagSnapshot.State.allCases {
                writer.sample("buildinfo_tag_drift", labels + [("state", known.rawValue)], known == state ? 1 : 0)
            }
        }
        writer.family("buildinfo_tag_as_of_timestamp_seconds", .gauge, "The last successful read of the tag.")
        for (labels, tag, _) in tags {
            guard let readAt = tag.readAt else { continue }
            writer.sample(
                "buildinfo_tag_as_of_timestamp_seconds", labels, wall.time(of: readAt, at: now).timeIntervalSince1970)
        }
        writer.family(
            "buildinfo_builds_unpromoted", .gauge, "Builds newer than the last promotion that were never promoted.")
        for (labels, tag, _) in tags {
            if let count = tag.unpromoted { writer.sample("buildinfo_builds_unpromoted", labels, Double(count)) }
        }
        writer.family("buildinfo_tag_reads_total", .counter, "Reads of the tag, failed ones included.")
        for (labels, tag, _) in tags { writer.sample("buildinfo_tag_reads_total", labels, Double(tag.reads)) }
    }
}

extension DeployedService {
    /// The labels of a fleet's series.
    var labels: [(String, String)] { [("service", name), ("environment", environment.description)] }
}

/// Writes metrics in one of the two text formats.
struct MetricsWriter {
    enum Kind: String {
        case gauge, counter, histogram
    }

    private let isOpen: Bool
    private var text = ""

    init(isOpen: Bool) {
        self.isOpen = isOpen
    }

    /// Begins a family. In OpenMetrics, a counter's family has its name without `_total`.
    mutating func family(_ name: String, _ kind: Kind, _ help: String) {
        let name = isOpen && kind == .counter && name.hasSuffix("_total") ? String(name.dropLast(6)) : name
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n"
    }

    mutating func sample(_ name: String, _ labels: [(String, String)], _ value: Double) {
        let shown = labels.map { "\($0.0)=\"\(Self.escaped($0.1))\"" }.joined(separator: ",")
        let number = value == value.rounded() && abs(value) < 1e15 ? "\(Int64(value))" : "\(value)"
        text += "\(name)\(shown.isEmpty ? "" : "{\(shown)}") \(number)\n"
    }

    /// The whole page.
    var finished: String { isOpen ? text + "# EOF\n" : text }

    private static func escaped(_ value: String) -> String {
        value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
    }
}
