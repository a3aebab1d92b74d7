import AgentCore
import Shared

/// `--service NAME=SELECTOR[,instances=N]`: what to report, and under which name.
struct ServiceDeclaration: Hashable, Sendable {
    let name: String
    let selector: Selector
    /// How many instances there have to be; nil where any number will do.
    let expected: Int?
    /// Where the service itself says what it serves; nil where it is not asked.
    var probe: ProbeURL?

    /// As many as a document can list.
    static let permittedInstances = 1...DocumentBuilder.instanceLimit

    init(name: String, selector: Selector, expected: Int? = nil, probe: ProbeURL? = nil) {
        self.name = name
        self.selector = selector
        self.expected = expected
        self.probe = probe
    }

    init(parsing text: String) throws(AgentError) {
        let shown = Sanitizer.singleLine(text, limit: 200)
        guard let equals = text.firstIndex(of: "=") else { throw .serviceSyntax(shown) }
        let name = text[..<equals]
        guard Self.isName(name) else { throw .serviceName(Sanitizer.singleLine(name, limit: 200)) }
        self.name = String(name)
        let (rest, number) = Self.counted(text[text.index(after: equals)...])
        selector = try Selector(parsing: String(rest))
        guard let number else {
            expected = nil
            return
        }
        guard number.utf8.allSatisfy({ (48...57).contains($0) }), let expected = Int(number),
            Self.permittedInstances.contains(expected)
        else { throw .instanceCount(shown) }
        guard selector.filePath == nil else { throw .instancesOfFile(shown) }
        self.expected = expected
    }

    /// The selector, and the value of a trailing `,instances=`, if any. Any other comma belongs to the selector.
    private static func counted(_ text: Substring) -> (Substring, number: Substring?) {
        guard let comma = text.lastIndex(of: ","), text[comma...].hasPrefix(",instances=") else { return (text, nil) }
        return (text[..<comma], text[comma...].dropFirst(",instances=".count))
    }

    /// The selector and the number, as the flag has them.
    var selection: String { "\(selector)\(expected.map { ",instances=\($0)" } ?? "")" }

    /// Names stand in URLs, metrics and file names, so they are plain.
    static func isName(_ name: some StringProtocol) -> Bool {
        (1...128).contains(name.utf8.count) && !name.hasPrefix(".")
            && name.utf8.allSatisfy { $0.isASCIIAlphanumeric || "._-".utf8.contains($0) }
    }

    /// All of a command line's services, with their probes (`NAME=URL`).
    ///
    /// - Parameter mayBeNone: somebody else knows which services there are.
    static func all(
        parsing texts: [String], probes: [String] = [], mayBeNone: Bool = false
    ) throws(AgentError) -> [ServiceDeclaration] {
        guard !texts.isEmpty || mayBeNone else { throw .noService }
        var services: [ServiceDeclaration] = []
        for text in texts {
            let service = try ServiceDeclaration(parsing: text)
            guard !services.contains(where: { $0.name == service.name }) else { throw .duplicateService(service.name) }
            services.append(service)
        }
        for text in probes { try add(probe: text, to: &services) }
        return services
    }

    private static func add(probe text: String, to services: inout [ServiceDeclaration]) throws(AgentError) {
        guard let equals = text.firstIndex(of: "=") else { throw .probeSyntax(Sanitizer.singleLine(text, limit: 200)) }
        let name = String(text[..<equals])
        let url = String(text[text.index(after: equals)...])
        guard let index = services.firstIndex(where: { $0.name == name }) else {
            throw .probeWithoutService(Sanitizer.singleLine(name, limit: 200))
        }
        guard services[index].probe == nil else { throw .duplicateProbe(name) }
        do {
            services[index].probe = try ProbeURL(parsing: url)
        } catch {
            throw .probeURL(Sanitizer.singleLine(url, limit: 200), why: "\(error)")
        }
    }
}
