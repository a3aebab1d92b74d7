import Shared

/// One made-up host.
package struct DrillHost: Sendable {
    package let name: String
    /// The id that the inventory expects of it; nil where it expects none.
    var expectedID: String?
    /// What it says to a request; nil where nobody listens, so that connecting is refused.
    let reply: (@Sendable (DrillRequest) -> DrillReply)?

    /// A host whose agent says this to every request.
    static func says(_ name: String, _ statement: DrillStatement, expectedID: String? = nil) -> DrillHost {
        DrillHost(name: name, expectedID: expectedID) { request in .document(statement.document(for: request)) }
    }

    /// A host whose agent says the first thing so many times, and then the other one.
    static func turns(
        _ name: String, after count: Int, from first: DrillStatement, to last: DrillStatement
    ) -> DrillHost {
        DrillHost(name: name) { request in
            .document((request.number <= count ? first : last).document(for: request))
        }
    }

    /// A host without an agent, where something else answers.
    static func answers(_ name: String, _ reply: DrillReply) -> DrillHost {
        DrillHost(name: name) { _ in reply }
    }

    /// A host where nobody listens.
    static func dead(_ name: String) -> DrillHost { DrillHost(name: name, reply: nil) }

    /// Hosts on which all is well: `host-1` and so on.
    package static func fine(_ count: Int) -> [DrillHost] {
        (1...max(1, count)).map { .says("host-\($0)", DrillStatement()) }
    }
}

/// A request, as far as a made-up host cares.
struct DrillRequest: Sendable {
    /// The host that was asked.
    var host: String
    var nonce: String?
    /// 1 for the host's first.
    var number: Int
}

/// What a made-up host does with a request.
enum DrillReply: Sendable {
    /// As an agent answers.
    case document(Document)
    /// Something else that speaks HTTP.
    case page(status: Int, location: String? = nil, headers: [String: String] = [:], body: String)
    /// Nothing, while the connection stays open.
    case silence
    /// The connection is closed without a word.
    case hangUp
}
