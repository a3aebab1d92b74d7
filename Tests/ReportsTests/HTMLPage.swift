import Testing

/// A page, read more strictly than a browser would: what is not balanced, not quoted or not escaped is a defect.
struct HTMLPage {
    struct Element: Hashable {
        var name: String
        var attributes: [String: String]
        /// What stands in it, its children's included.
        var text = ""
        /// Indices into `elements`, from the outermost on.
        var ancestors: [Int]
    }

    struct Defect: Error, CustomStringConvertible {
        var description: String
    }

    /// In the order of their start tags.
    private(set) var elements: [Element] = []
    private var bytes: [UInt8]
    private var position = 0
    private var open: [Int] = []

    private static let void: Set<String> = ["meta", "br", "input"]
    private static let raw: Set<String> = ["style", "script"]
    private static let entities = ["amp": "&", "lt": "<", "gt": ">", "quot": "\"", "#39": "'"]

    init(parsing html: String) throws {
        bytes = Array(html.utf8)
        try skip("<!DOCTYPE html>\n")
        while position < bytes.count {
            if bytes[position] == UInt8(ascii: "<") { try tag() } else { try text() }
        }
        guard open.isEmpty else { throw defect("<\(elements[open[open.count - 1]].name)> is never closed") }
        try checkReferences()
    }

    // MARK: - Looking

    func all(_ name: String, in ancestor: Int? = nil) -> [Element] {
        elements.filter { $0.name == name && (ancestor.map($0.ancestors.contains) ?? true) }
    }

    func element(id: String) -> Element? { elements.first { $0.attributes["id"] == id } }

    func index(id: String) -> Int? { elements.firstIndex { $0.attributes["id"] == id } }

    /// The rows of hosts, with the texts of their cells.
    var hostRows: [(id: String, status: String, cells: [String])] {
        var cells: [Int: [String]] = [:]
        for element in elements where ["th", "td"].contains(element.name) {
            guard let row = element.ancestors.last else { continue }
            cells[row, default: []].append(element.text)
        }
        return elements.indices.compactMap { index in
            guard elements[index].name == "tr", let id = elements[index].attributes["id"] else { return nil }
            return (id, elements[index].attributes["class"] ?? "", cells[index] ?? [])
        }
    }

    // MARK: - Reading

    private mutating func tag() throws {
        position += 1
        if position < bytes.count, bytes[position] == UInt8(ascii: "/") {
            position += 1
            let name = try word()
            try skip(">")
            guard let last = open.popLast(), elements[last].name == name else {
                throw defect("</\(name)> closes nothing that is open")
            }
            return
        }
        let name = try word()
        var attributes: [String: String] = [:]
        var isClosed = Self.void.contains(name)
        while true {
            if at("/>") {
                position += 2
                isClosed = true
                break
            }
            if at(">") {
                position += 1
                break
            }
            try skip(" ")
            let (key, value) = try attribute()
            guard attributes.updateValue(value, forKey: key) == nil else { throw defect("\(key) is given twice") }
        }
        elements.append(Element(name: name, attributes: attributes, ancestors: open))
        guard !isClosed else { return }
        open.append(elements.count - 1)
        if Self.raw.contains(name) {
            let end = Array("</\(name)>".utf8)
            var content: [UInt8] = []
            while position + end.count <= bytes.count, Array(bytes[position..<position + end.count]) != end {
                content.append(bytes[position])
                position += 1
            }
            elements[elements.count - 1].text = String(decoding: content, as: UTF8.self)
        }
    }

    private mutating func attribute() throws -> (String, String) {
        let key = try word()
        guard at("=") else { return (key, "") }
        try skip("=\"")
        let value = try characters(until: UInt8(ascii: "\""))
        try skip("\"")
        return (key, value)
    }

    private mutating func text() throws {
        let text = try characters(until: UInt8(ascii: "<"))
        for index in open { elements[index].text += text }
    }

    /// Decoded characters up to, and without, an end. A bare `<`, `>` or `&` is a defect, as is anything invisible.
    private mutating func characters(until end: UInt8) throws -> String {
        var content: [UInt8] = []
        while position < bytes.count, bytes[position] != end {
            let byte = bytes[position]
            switch byte {
            case UInt8(ascii: "<"), UInt8(ascii: ">"): throw defect("a bare < or > in text or an attribute")
            case UInt8(ascii: "&"):
                guard let semicolon = bytes[position...].prefix(8).firstIndex(of: UInt8(ascii: ";")) else {
                    throw defect("a bare &")
                }
                let name = String(decoding: bytes[position + 1..<semicolon], as: UTF8.self)
                guard let character = Self.entities[name] else { throw defect("&\(name); is not in use here") }
                content += character.utf8
                position = semicolon
            default: content.append(byte)
            }
            position += 1
        }
        let text = String(decoding: content, as: UTF8.self)
        for scalar in text.unicodeScalars where scalar != "\n" {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned:
                throw defect("U+\(String(scalar.value, radix: 16)) in text")
            default: break
            }
        }
        return text
    }

    private mutating func word() throws -> String {
        let start = position
        while position < bytes.count, isWord(bytes[position]) { position += 1 }
        guard position > start else { throw defect("no name") }
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }

    private func isWord(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20) || byte == UInt8(ascii: "-")
            || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    private func at(_ text: String) -> Bool { bytes[position...].starts(with: text.utf8) }

    private mutating func skip(_ text: String) throws {
        guard at(text) else { throw defect("'\(text)' should stand here") }
        position += text.utf8.count
    }

    private func checkReferences() throws {
        var ids: Set<String> = []
        for element in elements {
            if let id = element.attributes["id"], !ids.insert(id).inserted { throw defect("two elements '\(id)'") }
        }
        for element in elements {
            for (key, value) in element.attributes {
                switch key {
                case "href":
                    guard value.hasPrefix("#"), ids.contains(String(value.dropFirst())) else {
                        throw defect("href '\(value)' leads nowhere on the page")
                    }
                case "aria-labelledby":
                    for id in value.split(separator: " ") where !ids.contains(String(id)) {
                        throw defect("aria-labelledby names '\(id)', which is not there")
                    }
                case "style", "src", "srcset", "action": throw defect("'\(key)' has no place on the page")
                default:
                    if key.hasPrefix("on") { throw defect("'\(key)' has no place on the page") }
                    if value.hasPrefix("url("), value != "url(#stripes)" { throw defect("'\(value)' is fetched") }
                }
            }
        }
    }

    private func defect(_ text: String) -> Defect {
        let around = bytes[max(0, position - 60)..<min(bytes.count, position + 40)]
        return Defect(description: "\(text), at byte \(position): …\(String(decoding: around, as: UTF8.self))…")
    }
}
