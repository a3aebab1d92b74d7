import FoundationEssentials
import Shared
import Verdict

/// The JSON of a host without an agent: an object with `git_sha`. Whatever else it says of the build or its state counts.
struct PlainBody: Decodable {
    let answer: PlainAnswer

    private struct Key: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }

        init(_ name: String) { stringValue = name }
        init?(stringValue: String) { self.init(stringValue) }
        init?(intValue: Int) { nil }
    }

    /// A value whose type is not known before.
    private enum Value {
        case text(String), number(Double), truth(Bool), null, other
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        var answer = PlainAnswer(
            gitSHA: try container.decode(Reported<GitSHA>.self, forKey: Key("git_sha")),
            nonce: try container.decodeIfPresent(String.self, forKey: Key("nonce")))
        func value(_ name: String) -> Value {
            let key = Key(name)
            guard container.contains(key) else { return .null }
            // Each of them is a question about the type, and a no is an answer.
            if (try? container.decodeNil(forKey: key)) == true { return .null }
            if let truth = try? container.decode(Bool.self, forKey: key) { return .truth(truth) }
            if let number = try? container.decode(Double.self, forKey: key) { return .number(number) }
            if let text = try? container.decode(String.self, forKey: key) { return .text(text) }
            // Health checks of several parts say the whole in a status of its own.
            if let parts = try? container.nestedContainer(keyedBy: Key.self, forKey: key),
                let text = try? parts.decode(String.self, forKey: Key("status"))
            {
                return .text(text)
            }
            return .other
        }
        switch value("service") {
        case .text(let text): answer.service = text
        case .null: break
        default: answer.problem = "its 'service' is not a name"
        }
        switch value("age_seconds") {
        case .null: break
        case .number(let age) where age >= 0: answer.ageSeconds = age
        default: answer.problem = answer.problem ?? "its 'age_seconds' is not 0 or more"
        }
        if container.contains(Key("instances")) {
            answer.problem = answer.problem ?? "it lists instances, and has no schema by which they could be read"
        }
        for name in ["dirty", "git_dirty"] {
            if case .truth(true) = value(name) {
                answer.problem = answer.problem ?? "'\(name)' says that it was built with uncommitted changes"
            }
        }
        for name in Self.names {
            guard let state = Self.state(saidBy: name, value(name)) else { continue }
            let worst = ServiceState.worst(of: [state, answer.state ?? .serving])
            if worst != .serving, worst != answer.state { answer.stateText = Self.text(name, value(name)) }
            answer.state = worst
        }
        self.answer = answer
    }

    private static func text(_ name: String, _ value: Value) -> String {
        let said =
            switch value {
            case .text(let text): text
            case .number(let number): number == number.rounded() ? "\(Int(clamping: number))" : "\(number)"
            case .truth(let truth): "\(truth)"
            case .null, .other: "something else"
            }
        return Sanitizer.singleLine("\(name): \(said)", limit: 80)
    }

    // MARK: - Words for a state

    private static let truths = ["healthy", "ready", "ok", "up", "alive", "live", "serving"]
    private static let names = ["state", "status", "health", "unhealthy", "error"] + truths

    /// What one of ``names`` says of the state; nil where it says nothing.
    private static func state(saidBy name: String, _ value: Value) -> ServiceState? {
        switch name {
        case "state": return state(value)
        case "status": return status(value)
        case "health": return health(value)
        case "unhealthy":
            guard case .truth(true) = value else { return nil }
            return .unhealthy
        case "error":
            switch value {
            case .null, .truth(false): return nil
            case .text(let text): return text.isEmpty ? nil : .starting
            case .number(let number): return number == 0 ? nil : .starting
            case .truth, .other: return .starting
            }
        default:
            guard case .truth(false) = value else { return nil }
            return name == "healthy" ? .unhealthy : .starting
        }
    }

    /// The contract's own words mean what they mean in an agent's document. Of others, only what is known to be fine is.
    private static func state(_ value: Value) -> ServiceState? {
        switch value {
        case .null: nil
        case .text(let text): ServiceState(rawValue: text.lowercased()) ?? (isFine(text) ? .serving : .starting)
        case .truth, .number, .other: .starting
        }
    }

    /// Services use `status` for many things: only what is known not to be fine is not.
    private static func status(_ value: Value) -> ServiceState? {
        switch value {
        case .text(let text): isBad(text) ? .starting : nil
        case .truth(let truth): truth ? nil : .starting
        case .number(let number): (400..<600).contains(number) ? .starting : nil
        case .null, .other: nil
        }
    }

    private static func health(_ value: Value) -> ServiceState? {
        if case .text(let text) = value, text.lowercased() == "unhealthy" { return .unhealthy }
        return status(value)
    }

    private static func isFine(_ text: String) -> Bool {
        [
            "running", "up", "ok", "healthy", "ready", "active", "live", "alive", "pass", "passing", "available",
            "started", "green",
        ]
        .contains(text.lowercased())
    }

    private static func isBad(_ text: String) -> Bool {
        let word = text.lowercased()
        if let state = ServiceState(rawValue: word) { return state != .serving }
        return [
            "down", "error", "errored", "fail", "failed", "failing", "failure", "critical", "unavailable", "not_ready",
            "notready", "not ready", "unready", "degraded", "dead", "stopped", "stopping", "shutting_down", "draining",
            "maintenance", "initializing", "initialising", "booting", "warming", "warming_up", "pending", "red",
            "out_of_service",
            "crashed", "crashloopbackoff", "ko", "nok",
        ].contains(word)
    }
}

extension Int {
    fileprivate init(clamping value: Double) {
        self = value.isFinite && abs(value) < 1e15 ? Int(value) : 0
    }
}
