import AgentCore
import Shared

/// A service to report: `--service NAME=SELECTOR[,instances=N]`.
struct ServiceDeclaration: Hashable, Sendable {
    let name: String
    let selector: Selector
    /// The number of instances to expect; nil for any.
    let expected: Int?
    /// The URL at which the service itself reports its commit; nil without a probe.
    var probe: ProbeURL?

    /// At most as many as a document lists.
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
        guard number.utf8.allSatisfy(\.isASCIIDigit), let expected = Int(number),
            Self.permittedInstances.contains(expected)
        else { throw .instanceCount(shown) }
        guard selector.filePath == nil else { throw .instancesOfFile(shown) }
        self.expected = expected
    }

    /// The selector and the value of a trailing `,instances=`, if any. Other commas belong to the selector.
    private static func counted(_ text: Substring) -> (Substring, number: Substring?) {
        guard let comma = text.lastIndex(of: ","), text[comma...].hasPrefix(",instances=") else { return (text, nil) }
        return (text[..<comma], text[comma...].dropFirst(",instances=".count))
    }

    /// The selector and the number in the syntax of the flag.
    var selection: String { "\(selector)\(expected.map { ",instances=\($0)" } ?? "")" }

    static let expectedName = "expected 1 to 128 letters, digits, '.', '_' and '-' (no leading '.')"

    /// True for a plain name, since names appear in URLs, metrics and file names.
    static func isName(_ name: some StringProtocol) -> Bool {
        (1...128).contains(name.utf8.count) && !name.hasPrefix(".")
            && name.utf8.allSatisfy { $0.isASCIIAlphanumeric || "._-".utf8.contains($0) }
    }

    /// The services of a command line, with their probes (`NAME=URL`).
    ///
    /// - Parameter mayBeNone: true if a reader provides the services.
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

extension Selector {
    /// The prefixes of selectors, which are also keys of the configuration file.
    static let kinds = ["compose", "swarm", "container", "label", "image", "file"]

    init(parsing text: String) throws(AgentError) {
        let shown = Sanitizer.singleLine(text, limit: 200)
        guard let colon = text.firstIndex(of: ":") else { throw .unknownSelector(shown) }
        let value = String(text[text.index(after: colon)...])
        let kind = text[..<colon]
        guard Self.kinds.contains(where: { $0 == kind }) else { throw .unknownSelector(shown) }
        guard !value.isEmpty else { throw .selectorValue(shown, why: "write a value after the colon") }
        switch kind {
        case "compose":
            let parts = value.split(separator: "/" as Character, omittingEmptySubsequences: false).map { String($0) }
            guard parts.count <= 2, let service = parts.last, parts.allSatisfy({ !$0.isEmpty }) else {
                throw .selectorValue(shown, why: "expected compose:SERVICE or compose:PROJECT/SERVICE")
            }
            self = .compose(project: parts.count == 2 ? parts[0] : nil, service: service)
        case "swarm": self = .swarm(value)
        case "container": self = .container(value.hasPrefix("/") ? String(value.dropFirst()) : value)
        case "label":
            guard let equals = value.firstIndex(of: "="), equals != value.startIndex else {
                throw .selectorValue(shown, why: "expected label:KEY=VALUE")
            }
            self = .label(key: String(value[..<equals]), value: String(value[value.index(after: equals)...]))
        case "image":
            guard let reference = ImageReference(parsing: value), reference.tag == nil, reference.digest == nil else {
                throw .selectorValue(
                    shown,
                    why: "expected a repository without tag and digest, for example image:registry.example/canvas")
            }
            self = .image(repository: reference.repository)
        default:
            guard !value.utf8.contains(0) else {
                throw .selectorValue(shown, why: "remove the NUL character")
            }
            self = .file(path: value)
        }
    }
}
