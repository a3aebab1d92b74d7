/// A request to a ``ScriptedHost``.
public struct ScriptedHostRequest: Sendable {
    public var method: String
    /// Path and query as sent.
    public var target: String
    /// Names in lower case, in the order sent.
    public var headers: [(name: String, value: String)]
    /// The body; empty without a Content-Length.
    public var body: [UInt8]
    /// The destination address, for example `127.0.3.7`. It identifies the host: one listener acts as all.
    public var localAddress: String
    /// The connection's number, in the order of acceptance from 1.
    public var connection: Int

    public var path: String {
        String(target.prefix { $0 != "?" })
    }

    /// The first value of a query item, not percent-decoded.
    public func query(_ name: String) -> String? {
        guard let mark = target.firstIndex(of: "?") else { return nil }
        for item in target[target.index(after: mark)...].split(separator: "&") where item.hasPrefix("\(name)=") {
            return String(item.dropFirst(name.count + 1))
        }
        return nil
    }

    public func header(_ name: String) -> String? {
        headers.first { $0.name == name.lowercased() }?.value
    }
}
