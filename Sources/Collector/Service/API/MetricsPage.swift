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
        let fleets = model.entries.map { entry in (name: Self.name(entry), snapshot: entry.board.snapshot) }
        writer.family("buildinfo_build_info", .gauge, "The version of the collector.")
        writer.sample("buildinfo_build_info", [("version", BuildinfoVersion.current)], 1)
        writer.family(
            "buildinfo_fleet_hosts", .gauge, "Hosts by status. The statuses of a fleet add up to the expected hosts.")
        for (name, snapshot) in fleets {
            for (status, count) in snapshot.counts(at: now).byName.sorted(by: { $0.key < $1.key }) {
                writer.sample("buildinfo_fleet_hosts", name + [("status", status)], Double(count))
            }
        }
        func gauge(_ metric: String, _ help: String, _ value: (FleetSnapshot) -> Double?) {
            writer.family(metric, .gauge, help)
            for (name, snapshot) in fleets {
                if let value = value(snapshot) { writer.sample(metric, name, value) }
            }
        }
        gauge("buildinfo_fleet_hosts_expected", "Hosts that must serve the target.") {
            Double($0.counts(at: now).expected)
        }
        gauge("buildinfo_fleet_hosts_waived", "Hosts that the gate leaves out.") { Double($0.counts(at: now).waived) }
        gauge("buildinfo_fleet_fresh", "1 if the last round is fresh and a host answered, otherwise 0.") {
            $0.isFresh(at: now) ? 1 : 0
        }
        gauge("buildinfo_fleet_as_of_timestamp_seconds", "The end of the last round in which every host was asked.") {
            $0.roundAt.map { wall.timeIntervalSince1970 - (now - $0).seconds }
        }
        gauge("buildinfo_fleet_freshness_limit_seconds", "The age from which a value is not fresh.") {
            $0.freshness.seconds
        }
        gauge("buildinfo_builds_served", "Different builds that hosts serve now.") { snapshot in
            let served = snapshot.hosts.filter { snapshot.isFresh($0.observedAt, at: now) }
            return Double(Set(served.compactMap { $0.gitSHA?.hex ?? $0.digest?.hex }).count)
        }
        writer.family("buildinfo_target_info", .gauge, "The promoted build.")
        for (name, snapshot) in fleets {
            guard let target = snapshot.target else { continue }
            writer.sample(
                "buildinfo_target_info",
                name + [("git_sha", target.gitSHA?.hex ?? ""), ("digest", target.digest?.description ?? "")], 1)
        }
        writeTags(to: &writer, at: now, wall: wall)
        counters.write(to: &writer, fleets: model.entries.map(\.fleet.deployed))
        model.refusals.write(to: &writer)
        hooks.write(to: &writer)
        return writer.finished
    }

    /// The tags of fleets that have one.
    private func writeTags(to writer: inout MetricsWriter, at now: ContinuousClock.Instant, wall: Date) {
        let tags = model.entries.compactMap { entry in
            entry.tag.map { (name: Self.name(entry), tag: $0.snapshot, fleet: entry.board.snapshot) }
        }
        guard !tags.isEmpty else { return }
        // Hosts that left the promotion are in their own counts.
        let drift = tags.map { name, tag, fleet in (name: name, state: tag.state(in: fleet, [], at: now)) }
        writer.family("buildinfo_tag_drift", .gauge, "1 for the state of the watched tag, otherwise 0.")
        for (name, state) in drift {
            for known in TagSnapshot.State.allCases {
                writer.sample("buildinfo_tag_drift", name + [("state", known.rawValue)], known == state ? 1 : 0)
            }
        }
        writer.family("buildinfo_tag_as_of_timestamp_seconds", .gauge, "The last successful read of the tag.")
        for (name, tag, _) in tags {
            guard let readAt = tag.readAt else { continue }
            writer.sample(
                "buildinfo_tag_as_of_timestamp_seconds", name, wall.timeIntervalSince1970 - (now - readAt).seconds)
        }
        writer.family(
            "buildinfo_builds_unpromoted", .gauge, "Builds newer than the last promotion that were never promoted.")
        for (name, tag, _) in tags {
            if let count = tag.unpromoted { writer.sample("buildinfo_builds_unpromoted", name, Double(count)) }
        }
        writer.family("buildinfo_tag_reads_total", .counter, "Reads of the tag, failed ones included.")
        for (name, tag, _) in tags { writer.sample("buildinfo_tag_reads_total", name, Double(tag.reads)) }
    }

    private static func name(_ entry: ServiceModel.Entry) -> [(String, String)] {
        [
            ("service", entry.fleet.deployed.name),
            ("environment", entry.fleet.deployed.environment.description),
        ]
    }
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
