import Operations
import Reports
import Shared
import Verdict

/// What pages say of a fleet's watched tag. The differences of hosts are in their statuses.
struct TagView {
    private let snapshot: TagSnapshot
    private let moment: PageMoment
    let state: TagSnapshot.State

    init(_ snapshot: TagSnapshot, in fleet: FleetSnapshot, at moment: PageMoment) {
        self.snapshot = snapshot
        self.moment = moment
        state = snapshot.state(in: fleet, [], at: moment.now)
    }

    /// True if somebody must do something.
    var needsAttention: Bool { state == .found }

    /// The status whose colour and sign the state has.
    var shown: ShownStatus {
        switch state {
        case .none: .known(.converged)
        case .pending: .known(.pending)
        case .found: .known(.straggler)
        case .unknown: .unknown
        }
    }

    private var badge: Markup {
        let word: Markup =
            switch state {
            case .none: "tag promoted"
            case .pending: "tag pending"
            case .found: "tag drift"
            case .unknown: "tag unknown"
            }
        return "<b class=\"is \(shown.name)\">\(word)</b>"
    }

    /// One line with the remedy.
    ///
    /// - Parameter lead: stands before the text.
    func line(_ lead: Markup = "") -> Markup {
        "<li class=\"\(shown.name)\">\(badge) \(lead)\(text)</li>\n"
    }

    private var text: Markup {
        let image = snapshot.image.description
        let age = snapshot.readAt.map { "\(moment.age(of: $0)) ago" }
        switch state {
        case .none:
            return "<bdi>\(image, limit: 512)</bdi> is the last promotion, read \(age ?? "never")\(unpromoted)"
        case .pending:
            guard let finding = snapshot.findings.first(where: { $0.kind != .unpromoted }) else {
                return "<bdi>\(image, limit: 512)</bdi> has not been compared with a promotion yet"
            }
            return Self.withRemedy(finding.message)
        case .found:
            let findings: [Markup] = snapshot.findings.filter { $0.kind != .unpromoted }.map {
                Self.withRemedy($0.message)
            }
            return findings.joined(by: "; ")
        case .unknown:
            let problem = snapshot.problem ?? (age == nil ? "not read yet" : "last read too long ago")
            let last: Markup = age.map { ", last read \($0)" } ?? ""
            return """
                <bdi>\(image, limit: 512)</bdi>: \(problem, limit: 512)\(last): \
                <strong>check the registry, and the credentials in check_image</strong>
                """
        }
    }

    private var unpromoted: Markup {
        guard let count = snapshot.unpromoted, count > 0 else { return "" }
        return "; \(ReportText.counted(count, "build waits", "builds wait")) for a promotion"
    }

    /// A message with its last part, which is the remedy, in bold.
    private static func withRemedy(_ message: String) -> Markup {
        guard let range = message.ranges(of: ": ").last else { return "\(message, limit: 1_024)" }
        let (cause, remedy) = (String(message[..<range.lowerBound]), String(message[range.upperBound...]))
        return "\(cause, limit: 1_024): <strong>\(remedy, limit: 1_024)</strong>"
    }
}
