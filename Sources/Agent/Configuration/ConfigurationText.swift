import AgentCore
import CYAML
import Shared

/// Parses a configuration file into nodes with positions, within bounds.
///
/// libyaml parses the file. Anchors, aliases, tags and several documents are refused: no configuration needs them, and nine
/// lines of aliases can expand to a billion values.
struct ConfigurationText {
    /// The maximum size of a file in bytes.
    static let sizeLimit = 256 * 1_024
    /// The maximum depth of nested lists and mappings.
    static let depthLimit = 8

    /// The root of the document, as far as it could be parsed; nil without one.
    let root: ConfigurationNode?
    let problems: [ConfigurationProblem]

    init(_ bytes: [UInt8]) {
        var parser = Parser()
        root = parser.parse(bytes)
        problems = parser.problems
    }

    /// A list or a mapping that is being parsed.
    private struct Frame {
        var node: ConfigurationNode
        var isMapping: Bool
        var children: [ConfigurationNode] = []

        var finished: ConfigurationNode {
            var node = node
            if isMapping {
                let pairs = stride(from: 0, to: children.count - 1, by: 2).map {
                    ConfigurationNode.Pair(key: children[$0], value: children[$0 + 1])
                }
                node.content = .mapping(pairs)
            } else {
                node.content = .sequence(children)
            }
            return node
        }
    }

    private struct Parser {
        var problems: [ConfigurationProblem] = []
        private var frames: [Frame] = []
        private var root: ConfigurationNode?
        private var documents = 0

        mutating func parse(_ bytes: [UInt8]) -> ConfigurationNode? {
            guard bytes.count <= ConfigurationText.sizeLimit else {
                report(nil, "is larger than \(ConfigurationText.sizeLimit / 1_024) KiB: is it the right file?")
                return nil
            }
            guard String(validating: bytes, as: UTF8.self) != nil else {
                report(Self.firstInvalid(bytes), "the file is not UTF-8 from here on: save it as UTF-8")
                return nil
            }
            let text = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? Array(bytes.dropFirst(3)) : bytes
            text.withUnsafeBufferPointer { read($0) }
            return root
        }

        /// The parser keeps pointers to itself and to the text, both of which stay in place until it is deleted here.
        private mutating func read(_ text: UnsafeBufferPointer<UInt8>) {
            let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
            defer { parser.deallocate() }
            guard yaml_parser_initialize(parser) == 1 else { return report(nil, "cannot be parsed: out of memory") }
            defer { yaml_parser_delete(parser) }
            yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
            yaml_parser_set_input_string(parser, text.baseAddress, text.count)
            while true {
                var event = yaml_event_t()
                guard yaml_parser_parse(parser, &event) == 1 else { return refuse(parser.pointee, text) }
                defer { yaml_event_delete(&event) }
                guard event.type != YAML_STREAM_END_EVENT, take(event) else { return }
            }
        }

        /// - Returns: true to continue.
        private mutating func take(_ event: yaml_event_t) -> Bool {
            let position = ConfigurationPosition(event.start_mark)
            switch event.type {
            case YAML_DOCUMENT_START_EVENT:
                documents += 1
                guard documents == 1 else {
                    report(position, "a second document begins here: write one document, without '---'")
                    return false
                }
            case YAML_SEQUENCE_START_EVENT, YAML_MAPPING_START_EVENT:
                guard frames.count < ConfigurationText.depthLimit else {
                    report(
                        position, "nested more than \(ConfigurationText.depthLimit) levels deep: flatten it"
                    )
                    return false
                }
                refuseExtras(event, position)
                let node = ConfigurationNode(position: position, content: .refused)
                frames.append(Frame(node: node, isMapping: event.type == YAML_MAPPING_START_EVENT))
            case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT:
                if let frame = frames.popLast() { add(frame.finished) }
            case YAML_ALIAS_EVENT:
                refuseExtras(event, position)
                add(ConfigurationNode(position: position, content: .refused))
            case YAML_SCALAR_EVENT:
                let isClean = refuseExtras(event, position)
                add(ConfigurationNode(position: position, content: isClean ? Self.scalar(event) : .refused))
            default: break
            }
            return true
        }

        private static func scalar(_ event: yaml_event_t) -> ConfigurationNode.Content {
            withUnsafePointer(to: event) { event in
                var length = 0
                guard let bytes = buildinfo_yaml_scalar(event, &length) else { return .refused }
                let text = String(decoding: UnsafeBufferPointer(start: bytes, count: length), as: UTF8.self)
                return .scalar(text, isPlain: buildinfo_yaml_is_plain(event) == 1)
            }
        }

        /// - Returns: true without any.
        @discardableResult
        private mutating func refuseExtras(_ event: yaml_event_t, _ position: ConfigurationPosition) -> Bool {
            let (anchor, tag) = withUnsafePointer(to: event) { event in
                (buildinfo_yaml_anchor(event).map { String(cString: $0) }, buildinfo_yaml_tag(event) != nil)
            }
            if let anchor {
                let sign = event.type == YAML_ALIAS_EVENT ? "*" : "&"
                let what = event.type == YAML_ALIAS_EVENT ? "alias" : "anchor"
                report(
                    position,
                    "the \(what) '\(sign)\(Sanitizer.singleLine(anchor, limit: 40))' is not supported: write the value itself"
                )
            }
            if tag { report(position, "a tag (!) is not supported: write the value without it") }
            return anchor == nil && !tag
        }

        private mutating func add(_ node: ConfigurationNode) {
            if frames.isEmpty { root = node } else { frames[frames.count - 1].children.append(node) }
        }

        private mutating func report(_ position: ConfigurationPosition?, _ text: String) {
            problems.append(ConfigurationProblem(position: position, text: text))
        }

        // MARK: - Syntax errors

        private mutating func refuse(_ parser: yaml_parser_t, _ text: UnsafeBufferPointer<UInt8>) {
            root = nil
            let problem = parser.problem.map { String(cString: $0) } ?? "unknown problem"
            guard parser.error != YAML_READER_ERROR else {
                let position = ConfigurationPosition(endOf: text.prefix(parser.problem_offset))
                return report(position, "\(problem): remove the character")
            }
            let position = ConfigurationPosition(parser.problem_mark)
            if Self.isTabbed(line: position.line, text) {
                return report(position, "YAML does not permit tabs here: indent with spaces")
            }
            let context = parser.context.map { " \(String(cString: $0))" } ?? ""
            report(position, "invalid YAML:\(context) \(problem)")
        }

        private static func isTabbed(line: Int, _ text: UnsafeBufferPointer<UInt8>) -> Bool {
            let lines = text.split(separator: 10, maxSplits: line, omittingEmptySubsequences: false)
            guard line <= lines.count else { return false }
            return lines[line - 1].prefix { $0 == 32 || $0 == 9 || $0 == UInt8(ascii: "-") }.contains(9)
        }

        private static func firstInvalid(_ bytes: [UInt8]) -> ConfigurationPosition {
            var (parser, iterator, good) = (Unicode.UTF8.ForwardParser(), bytes.makeIterator(), 0)
            while case .valid(let scalar) = parser.parseScalar(from: &iterator) { good += scalar.count }
            return ConfigurationPosition(endOf: bytes.prefix(good))
        }
    }
}

extension ConfigurationPosition {
    fileprivate init(_ mark: yaml_mark_t) {
        self.init(line: mark.line + 1, column: mark.column + 1)
    }

    /// The position after these bytes, which are whole characters.
    fileprivate init(endOf bytes: some Sequence<UInt8>) {
        self.init(line: 1, column: 1)
        for byte in bytes {
            if byte == 10 {
                (line, column) = (line + 1, 1)
            } else if byte & 0b1100_0000 != 0b1000_0000 {
                column += 1
            }
        }
    }
}

/// A node of a configuration file with its position.
struct ConfigurationNode: Hashable, Sendable {
    struct Pair: Hashable, Sendable {
        var key: ConfigurationNode
        var value: ConfigurationNode
    }

    enum Content: Hashable, Sendable {
        /// A text; `isPlain` if it has no quotes, so `true` and `null` have their special meaning.
        case scalar(String, isPlain: Bool)
        case sequence([ConfigurationNode])
        case mapping([Pair])
        /// A node whose problem was already reported.
        case refused
    }

    var position: ConfigurationPosition
    var content: Content

    var isNull: Bool {
        guard case .scalar(let text, isPlain: true) = content else { return false }
        return ["", "~", "null", "Null", "NULL"].contains(text)
    }

    /// The kind of the node, for people.
    var kind: String {
        switch content {
        case .scalar: isNull ? "an empty value" : "a text"
        case .sequence: "a list"
        case .mapping: "a mapping"
        case .refused: "an invalid value"
        }
    }
}

/// A position in a configuration file: line and column in characters, both from 1.
struct ConfigurationPosition: Hashable, Comparable, Sendable {
    var line: Int
    var column: Int

    static func < (left: Self, right: Self) -> Bool { (left.line, left.column) < (right.line, right.column) }
}
