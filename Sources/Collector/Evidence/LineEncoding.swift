import Shared
import Verdict

/// The lines that a large fleet has many of, without `JSONEncoder`, at a small part of its cost.
///
/// Writes the bytes that `JSONEncoder` writes.
extension EvidenceLine {
    /// Appends the line without its newline; returns false, with nothing appended, if `JSONEncoder` has to write it.
    func appendQuickly(to json: inout JSONLine) throws -> Bool {
        switch self {
        case .host(let host):
            guard host.waiver == nil else { return false }
            try json.line("host") { try $0.members(of: host) }
        case .asked(let asked):
            json.line("asked") { json in
                json.key("at_ns", asked.at)
                json.key("hosts")
                json.array(asked.hosts) { $0.integer($1) }
            }
        case .sample(let sample): try json.line("sample") { try $0.members(of: sample) }
        case .time(let moment): json.line("time") { $0.key("at_ns", moment.at) }
        case .paced(let paced):
            json.line("paced") { json in
                json.key("at_ns", paced.at)
                json.key("interval_ns", paced.interval)
            }
        case .status(let change):
            json.line("status") { json in
                json.key("at_ns", change.at)
                json.key("host")
                json.integer(change.host)
                json.key("reason", change.reason)
                json.key("reason_code", change.code?.rawValue)
                json.key("status", change.status.rawValue)
            }
        case .start, .refused, .suspended, .promotions, .unlisted, .learned, .moved, .tagSeen, .signal, .verdict:
            return false
        }
        return true
    }
}

extension JSONLine {
    fileprivate mutating func line(_ kind: String, _ members: (inout Self) throws -> Void) rethrows {
        try object { json in
            json.key("kind", kind)
            try members(&json)
        }
    }

    // MARK: - Members

    fileprivate mutating func key(_ name: StaticString, _ value: String) {
        key(name)
        string(value)
    }

    fileprivate mutating func key(_ name: StaticString, _ value: String?) {
        if let value { key(name, value) }
    }

    fileprivate mutating func key(_ name: StaticString, _ value: Int?) {
        guard let value else { return }
        key(name)
        integer(value)
    }

    fileprivate mutating func key(_ name: StaticString, _ value: Double?) throws {
        guard let value else { return }
        key(name)
        try number(value)
    }

    fileprivate mutating func key(_ name: StaticString, _ value: Nanoseconds) {
        key(name)
        integer(value.count)
    }

    /// Keeps text that is unusable, as ``Reported/encode(to:)`` does if it is told to.
    fileprivate mutating func key(_ name: StaticString, _ value: Reported<some WireString>) {
        key(name)
        switch value {
        case .known(let value): string(value.contractText)
        case .unusable(let text): string(text)
        case .absent: null()
        }
    }

    // MARK: - Objects

    fileprivate mutating func members(of host: ExpectedHost) throws {
        key("id", host.id)
        key("labels")
        object { json in
            let labels = host.labels.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
            for (name, value) in labels { json.member(name, value) }
        }
        key("name", host.name)
        key("url", host.url)
    }

    fileprivate mutating func members(of sample: Sample) throws {
        key("answered_ns", Nanoseconds(sample.answeredAt))
        key("asked_ns", Nanoseconds(sample.askedAt))
        if case .unusable(_, let detail) = sample.answer { key("detail", detail) }
        if case .document(let document) = sample.answer {
            key("document")
            try object { try $0.members(of: document) }
        }
        key("host")
        integer(sample.host)
        key("nonce", sample.nonce)
        switch sample.answer {
        case .document: break
        case .plain(let plain):
            key("plain")
            try object { try $0.members(of: plain) }
        case .unusable(let outcome, _): key("reach", outcome.rawValue)
        case .repeated(let repeated):
            key("repeated")
            try object { json in
                try json.key("age_seconds", repeated.ageSeconds)
                json.key("nonce", repeated.nonce)
                json.key("observed_at", repeated.observedAt)
            }
        }
    }

    private mutating func members(of plain: PlainAnswer) throws {
        try key("age_seconds", plain.ageSeconds)
        if let date = plain.date {
            key("date_s")
            integer(date)
        }
        key("defect", plain.problem)
        key("git_sha", plain.gitSHA)
        key("nonce", plain.nonce)
        key("service", plain.service)
        key("state", plain.state?.rawValue)
        key("state_text", plain.stateText)
        key("stored", plain.stored)
    }

    private mutating func members(of document: Document) throws {
        try key("age_seconds", document.ageSeconds)
        key("agent")
        try object { json in
            try json.key("uptime_seconds", document.agent.uptimeSeconds)
            json.key("version", document.agent.version)
        }
        key("digest", document.digest)
        if let engine = document.engine {
            key("engine")
            object { json in
                json.key("api_version", engine.apiVersion)
                json.key("name", engine.name.rawValue)
                json.key("platform", engine.platform)
                json.key("store", engine.store.rawValue)
                json.key("version", engine.version)
            }
        }
        key("git_sha", document.gitSHA)
        key("host")
        object { json in
            json.key("boot_id", document.host.bootID)
            json.key("id", document.host.id)
            json.key("name", document.host.name)
        }
        key("instances")
        array(document.instances) { json, instance in json.object { $0.members(of: instance) } }
        key("instances_expected", document.instancesExpected)
        key("left_out")
        array(document.leftOut) { json, container in json.object { $0.members(of: container) } }
        key("nonce", document.nonce)
        key("observed_at", document.observedAt)
        key("reason", document.reason)
        key("schema")
        integer(document.schema)
        if let served = document.served {
            key("served")
            try object { try $0.members(of: served) }
        }
        key("service", document.service)
        key("state", document.state.rawValue)
    }

    private mutating func members(of served: ProbeResult) throws {
        if let commit = served.gitSHA { key("git_sha", commit) }
        try key("latency_seconds", served.latencySeconds)
        key("outcome", served.outcome.rawValue)
        key("status", served.status)
        key("url", served.url)
    }

    private mutating func members(of instance: Instance) {
        if let deployment = instance.deployment {
            key("deployment")
            object { json in
                json.key("directory", deployment.directory)
                if !deployment.files.isEmpty {
                    json.key("files")
                    json.array(deployment.files) { $0.string($1) }
                }
                json.key("group", deployment.group)
                json.key("name", deployment.name)
                json.key("tool", deployment.tool.rawValue)
            }
        }
        key("error", instance.error)
        key("exit_code", instance.exitCode)
        key("git_sha", instance.gitSHA)
        key("health", instance.health?.rawValue)
        key("health_output", instance.healthOutput)
        key("id", instance.id)
        key("image")
        object { $0.members(of: instance.image) }
        key("name", instance.name)
        if let isKilled = instance.oomKilled {
            key("oom_killed")
            boolean(isKilled)
        }
        key("project", instance.project)
        key("restart_count", instance.restartCount)
        key("started_at", instance.startedAt)
        key("state", instance.state.rawValue)
    }

    private mutating func members(of image: ImageEvidence) {
        key("digests")
        array(image.digests) { json, digest in
            json.object { json in
                json.key("digest", digest.digest.contractText)
                json.key("kind", digest.kind.rawValue)
                json.key("repository", digest.repository)
                json.key("source", digest.source.rawValue)
            }
        }
        key("origin", image.origin.rawValue)
        key("platform", image.platform)
        key("reference", image.reference)
        key("tag_moved")
        boolean(image.tagMoved)
    }

    private mutating func members(of container: LeftOutContainer) {
        key("exit_code", container.exitCode)
        key("id", container.id)
        key("name", container.name)
        key("project", container.project)
        key("reason", container.reason.rawValue)
        key("restart_count", container.restartCount)
        key("state", container.state.rawValue)
    }
}
