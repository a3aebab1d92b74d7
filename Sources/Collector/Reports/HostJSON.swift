import CollectorSupport
import Shared
import Verdict

/// Writes one host of a JSON report: the bytes of ``CollectorSupport/FoundationEssentials/JSONEncoder/pretty``, at the depth
/// of the report's list.
enum HostJSON {
    static func append(_ host: Report.Host, to bytes: inout [UInt8]) {
        var object = JSONObject(indentation: 6, bytes: bytes)
        bytes = []
        defer { bytes = object.bytes }
        object.literal("    {")
        if let version = host.agentVersion { object.add("agent_version", version) }
        object.add("attempts", host.attempts)
        object.add("clock_offset_seconds", host.clockOffsetSeconds)
        object.add("digest") { $0.string(digest: host.digest) }
        object.add("facts", host.facts)
        object.add("git_sha") { json in
            if let sha = host.gitSHA { json.string(sha.hex) } else { json.literal("null") }
        }
        if let number = host.instancesExpected { object.add("instances_expected", number) }
        object.add("labels") { $0.dictionary(host.labels) }
        object.add("last_answer_age_seconds", host.lastAnswerAgeSeconds)
        if let leftOut = host.leftOut {
            object.add("left_out") { json in
                json.list(leftOut) { item, container in
                    item.add("name", container.name)
                    if let project = container.project { item.add("project", project) }
                    item.add("reason", container.reason.rawValue)
                    item.add("state", container.state.rawValue)
                }
            }
        }
        object.add("name", host.name)
        if let project = host.project { object.add("project", project) }
        object.add("reason", host.reason)
        if let code = host.reasonCode { object.add("reason_code", code.rawValue) }
        if let parts = host.reasonParts { object.add("reason_parts", parts) }
        if let since = host.runningSince { object.add("running_since", since) }
        object.add("seconds_to_converge", host.secondsToConverge)
        object.add("status", host.status.rawValue)
        if let sweep = host.sweep { object.add("sweep", sweep.rawValue) }
        object.add("transitions") { json in
            json.list(host.transitions) { item, transition in
                item.add("reason", transition.reason)
                if let code = transition.reasonCode { item.add("reason_code", code.rawValue) }
                item.add("seconds", transition.seconds)
                item.add("status", transition.status.rawValue)
            }
        }
        object.add("url", host.url)
        object.add("waived", host.waived)
        if let warnings = host.warnings {
            object.add("warnings") { $0.strings(warnings) }
        }
        object.literal("\n    }")
    }
}

/// The members of a JSON object, indented. Keys are this program's own, and are added in their order.
private struct JSONObject {
    private let indentation: Int
    private(set) var bytes: [UInt8]
    private var isEmpty = true

    init(indentation: Int, bytes: [UInt8]) {
        self.indentation = indentation
        self.bytes = bytes
    }

    // MARK: - Members

    mutating func add(_ key: StaticString, _ value: (inout JSONObject) -> Void) {
        literal(isEmpty ? "\n" : ",\n")
        isEmpty = false
        indent(indentation)
        literal("\"")
        literal(key)
        literal("\" : ")
        value(&self)
    }

    mutating func add(_ key: StaticString, _ text: String) { add(key) { $0.string(text) } }

    mutating func add(_ key: StaticString, _ number: Int) { add(key) { $0.number(number) } }

    mutating func add(_ key: StaticString, _ number: Double?) {
        add(key) { json in
            if let number { json.number(number) } else { json.literal("null") }
        }
    }

    mutating func add(_ key: StaticString, _ facts: HostFacts) {
        add(key) { json in
            json.object { item in
                item.add("build", facts.build.rawValue)
                item.add("identity", facts.identity.rawValue)
                item.add("reach", facts.reach.rawValue)
                item.add("runtime", facts.runtime.rawValue)
            }
        }
    }

    mutating func add(_ key: StaticString, _ parts: ReasonText) {
        add(key) { json in
            json.object { item in
                item.add("cause", parts.cause)
                if let command = parts.command { item.add("command", command) }
                if let note = parts.note { item.add("note", note) }
                if let remedy = parts.remedy { item.add("remedy", remedy) }
                if let served = parts.served { item.add("served", served) }
                if let summary = parts.summary { item.add("summary", summary) }
            }
        }
    }

    mutating func add(_ key: StaticString, _ waived: Report.Host.Waived?) {
        add(key) { json in
            guard let waived else { return json.literal("null") }
            json.object { item in
                if let by = waived.by { item.add("by", by) }
                item.add("expired") { $0.literal(waived.expired ? "true" : "false") }
                item.add("reason", waived.reason)
                item.add("until", waived.until)
            }
        }
    }

    // MARK: - Values

    mutating func literal(_ text: StaticString) { bytes.append(text) }

    mutating func object(_ fill: (inout JSONObject) -> Void) {
        nested { item in
            item.literal("{")
            fill(&item)
        }
        literal("\n")
        indent(indentation)
        literal("}")
    }

    mutating func list<Element>(_ elements: [Element], _ fill: (inout JSONObject, Element) -> Void) {
        items(elements) { json, element in json.object { fill(&$0, element) } }
    }

    mutating func strings(_ texts: [String]) { items(texts) { $0.string($1) } }

    private mutating func items<Element>(_ elements: [Element], _ value: (inout JSONObject, Element) -> Void) {
        // As Foundation writes an empty list.
        literal(elements.isEmpty ? "[\n" : "[")
        nested { item in
            for (index, element) in elements.enumerated() {
                item.literal(index == 0 ? "\n" : ",\n")
                item.indent(item.indentation)
                value(&item, element)
            }
        }
        literal("\n")
        indent(indentation)
        literal("]")
    }

    mutating func dictionary(_ values: [String: String]) {
        literal(values.isEmpty ? "{\n" : "{")
        nested { item in
            for (index, pair) in values.sorted(by: { $0.key < $1.key }).enumerated() {
                item.literal(index == 0 ? "\n" : ",\n")
                item.indent(item.indentation)
                item.string(pair.key)
                item.literal(" : ")
                item.string(pair.value)
            }
        }
        literal("\n")
        indent(indentation)
        literal("}")
    }

    /// Passes the bytes to an object two columns further right, and takes them back.
    private mutating func nested(_ fill: (inout JSONObject) -> Void) {
        var item = JSONObject(indentation: indentation + 2, bytes: bytes)
        bytes = []
        fill(&item)
        bytes = item.bytes
    }

    mutating func string(digest: Digest?) {
        guard let digest else { return literal("null") }
        literal("\"sha256:")
        bytes += digest.hex.utf8
        literal("\"")
    }

    mutating func string(_ text: String) { bytes.appendJSON(text) }

    mutating func number(_ value: Int) { bytes.appendJSON(value) }

    mutating func number(_ value: Double) { bytes.appendJSON(value) }

    private mutating func indent(_ width: Int) { bytes.append(contentsOf: repeatElement(0x20, count: width)) }
}
