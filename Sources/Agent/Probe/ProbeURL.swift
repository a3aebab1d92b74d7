import AgentCore
import NIOCore
import Shared

/// The URL of a service's probe: HTTP on this machine's loopback, or on a unix socket.
///
/// No other URL is valid, so that an agent can never be made to send requests to other machines.
struct ProbeURL: Hashable, Sendable, CustomStringConvertible {
    enum Endpoint: Hashable, Sendable {
        case tcp(host: String, port: Int)
        case unix(path: String)
    }

    let endpoint: Endpoint
    /// The request's target: path and query.
    let target: String
    /// The value of the request's `Host`.
    let authority: String
    /// The URL as written, but without its query, which can hold a secret.
    let description: String

    /// The reason why a text is not a valid probe URL, with the remedy.
    enum ParseError: Error, Hashable, CustomStringConvertible {
        case notText
        case tooLong
        case https
        case scheme
        case userInfo
        case fragment
        case port
        case notLoopback(String)
        case unix

        var description: String {
            switch self {
            case .notText: "contains characters other than printable ASCII: percent-encode them"
            case .tooLong: "is longer than \(ProbeURL.lengthLimit) characters: shorten it"
            case .https: "uses TLS: name a loopback port where the service speaks plain HTTP"
            case .scheme: "is not a probe URL: expected http://127.0.0.1:PORT/PATH or unix:/SOCKET:/PATH"
            case .userInfo: "contains a user name: let the service answer on loopback without one"
            case .fragment: "has a fragment: remove '#' and everything after it"
            case .port: "has an invalid port: expected 1 to 65535"
            case .notLoopback(let host):
                "leads to '\(host)', which is not this machine's loopback: expected 127.0.0.1, [::1] or localhost"
            case .unix:
                "is not a socket with a path: expected unix:/SOCKET:/PATH, for example unix:/run/canvas.sock:/buildinfo"
            }
        }
    }

    static let lengthLimit = 1_024

    init(parsing text: String) throws(ParseError) {
        guard text.isVisibleASCII else { throw .notText }
        guard text.utf8.count <= Self.lengthLimit else { throw .tooLong }
        guard !text.utf8.contains(UInt8(ascii: "#")) else { throw .fragment }
        let question = text.firstIndex(of: "?")
        description = question.map { text[..<$0] + "?..." } ?? text
        if text.hasPrefix("unix:") {
            var rest = text.dropFirst("unix:".count)
            if rest.hasPrefix("//") { rest = rest.dropFirst(2) }
            guard let colon = rest.firstIndex(of: ":") else { throw .unix }
            let (path, target) = (rest[..<colon], rest[rest.index(after: colon)...])
            guard path.hasPrefix("/"), (2...107).contains(path.utf8.count), target.hasPrefix("/") else { throw .unix }
            endpoint = .unix(path: String(path))
            self.target = String(target)
            authority = "localhost"
            return
        }
        let lower = text.lowercased()
        guard !lower.hasPrefix("https://") else { throw .https }
        guard lower.hasPrefix("http://") else { throw .scheme }
        let rest = text.dropFirst("http://".count)
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        let target = rest[authority.endIndex...]
        self.target = (target.hasPrefix("/") ? "" : "/") + target
        self.authority = String(authority)
        endpoint = try Self.endpoint(authority)
    }

    private static func endpoint(_ authority: Substring) throws(ParseError) -> Endpoint {
        guard !authority.utf8.contains(UInt8(ascii: "@")) else { throw .userInfo }
        var host = authority
        var rest: Substring = ""
        if authority.hasPrefix("["), let bracket = authority.firstIndex(of: "]") {
            host = authority[authority.index(after: authority.startIndex)..<bracket]
            rest = authority[authority.index(after: bracket)...]
        } else if let colon = authority.firstIndex(of: ":") {
            host = authority[..<colon]
            rest = authority[colon...]
        }
        guard !host.isEmpty else { throw .scheme }
        var port = 80
        if !rest.isEmpty {
            let digits = rest.dropFirst()
            guard rest.hasPrefix(":"), digits.utf8.allSatisfy(\.isASCIIDigit), let number = Int(digits),
                (1...65_535).contains(number)
            else { throw .port }
            port = number
        }
        // Names are not resolved, because the answer could be any address.
        let name = host.lowercased() == "localhost" ? "127.0.0.1" : String(host)
        do {
            guard try SocketAddress(ipAddress: name, port: port).isLoopback else { throw ParseError.notLoopback(name) }
        } catch {
            throw .notLoopback(Sanitizer.singleLine(host, limit: 100))
        }
        return .tcp(host: name, port: port)
    }
}
