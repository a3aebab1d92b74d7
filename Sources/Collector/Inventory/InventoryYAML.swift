import CollectorSupport
import Shared
package import Verdict

/// Writes an inventory in its own YAML form, which ``Inventory/load(sources:hosts:service:defaultService:environment:port:selector:now:standardInput:lists:)``
/// reads back to the same hosts.
///
/// Texts that YAML could take for anything else are in double quotes, in JSON's notation, which is YAML's too.
package struct InventoryYAML {
    /// A host, and a remark for readers of the file.
    package struct Entry: Hashable, Sendable {
        package var host: ExpectedHost
        package var access: InventoryCredentials?
        /// One line, written as a comment; nil for none.
        package var remark: String?

        package init(host: ExpectedHost, access: InventoryCredentials? = nil, remark: String? = nil) {
            self.host = host
            self.access = access
            self.remark = remark
        }
    }

    private let service: String
    private let environment: EnvironmentName
    /// The port of hosts without one.
    private let port: Int
    /// The lines at the top, written as comments.
    private let heading: [String]
    private let entries: [Entry]
    private let scheme: String

    package init(
        service: String, environment: EnvironmentName = .standard, port: Int? = nil, heading: [String] = [],
        entries: [Entry]
    ) {
        self.service = service
        self.environment = environment
        self.port = port ?? Inventory.standardPort
        self.heading = heading
        self.entries = entries
        let secure = entries.count { $0.host.url.lowercased().hasPrefix("https:") }
        scheme = secure > entries.count / 2 ? "https" : "http"
    }

    /// The text of the file.
    package func render() -> String {
        var lines = heading.map { Self.comment($0) }
        lines.append("service: \(Self.scalar(service))")
        if !environment.isStandard { lines.append("environment: \(Self.scalar("\(environment)"))") }
        if port != Inventory.standardPort { lines.append("port: \(port)") }
        if scheme != "http" { lines.append("scheme: \(scheme)") }
        lines.append(entries.isEmpty ? "hosts: []" : "hosts:")
        for entry in entries {
            if let remark = entry.remark { lines.append("  \(Self.comment(remark))") }
            lines += self.lines(of: entry)
        }
        return lines.map { "\($0)\n" }.joined()
    }

    private func lines(of entry: Entry) -> [String] {
        let host = entry.host
        var members: [String] = []
        if !isUsualURL(host) { members.append("url: \(Self.scalar(host.url))") }
        if let id = host.id { members.append("id: \(Self.scalar(id))") }
        if !host.labels.isEmpty {
            members.append("labels: \(Self.mapping(host.labels.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }))")
        }
        if let waiver = host.waiver {
            let fields = [("until", waiver.until), ("reason", waiver.reason)] + (waiver.by.map { [("by", $0)] } ?? [])
            members.append("waive: \(Self.mapping(fields))")
        }
        if let access = entry.access {
            let files = InventoryCredentials.Key.allCases.compactMap { key in
                access[key].map { (key.rawValue, $0.path) }
            }
            if !files.isEmpty { members.append("access: \(Self.mapping(files))") }
        }
        guard !members.isEmpty else { return ["  - \(Self.scalar(host.name))"] }
        return ["  - name: \(Self.scalar(host.name))"] + members.map { "    \($0)" }
    }

    /// True if the host's name alone leads to its URL.
    private func isUsualURL(_ host: ExpectedHost) -> Bool {
        do throws(HostAddress.ParseError) {
            let address = try HostAddress(parsing: host.name, service: service)
            return !host.name.contains("://")
                && address.url(service: service, port: port, scheme: scheme) == host.url
        } catch {
            return false
        }
    }

    // MARK: - Scalars

    private static func mapping(_ fields: [(String, String)]) -> String {
        "{" + fields.map { "\(scalar($0)): \(scalar($1))" }.joined(separator: ", ") + "}"
    }

    private static func scalar(_ text: String) -> String { isPlain(text) ? text : quoted(text) }

    /// True for a word that begins with a letter and that no version of YAML takes for anything but a text.
    private static func isPlain(_ text: String) -> Bool {
        guard let first = text.utf8.first, (first | 0x20) >= UInt8(ascii: "a"), (first | 0x20) <= UInt8(ascii: "z"),
            text.utf8.allSatisfy({ HostAddress.isNameByte($0) || $0 == UInt8(ascii: "/") })
        else { return false }
        return !["y", "n", "yes", "no", "on", "off", "true", "false", "null"].contains(text.lowercased())
    }

    private static func quoted(_ text: String) -> String {
        var bytes: [UInt8] = []
        bytes.appendJSON(text)
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func comment(_ text: String) -> String { "# \(Sanitizer.singleLine(text, limit: 240))" }
}
