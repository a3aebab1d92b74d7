import Shared

/// What somebody who wrote an unknown word may have meant.
enum Suggestion {
    /// What to do about an unknown word, as a clause.
    static func remedy(for word: String, among known: [String]) -> String {
        guard let near = nearest(to: word, among: known) else { return "known here: \(known.joined(separator: ", "))" }
        return "did you mean '\(near)'?"
    }

    /// The known word that takes the fewest edits, two at most and fewer than half of its letters.
    static func nearest(to word: String, among known: [String]) -> String? {
        let letters = Array(word.lowercased().map { $0 == "-" ? "_" : $0 })
        guard letters.count <= 64 else { return nil }
        let ranked = known.map { (word: $0, edits: edits(letters, Array($0))) }
        guard let best = ranked.min(by: { $0.edits < $1.edits }), best.edits <= 2, best.edits * 2 < best.word.count
        else { return nil }
        return best.word
    }

    /// Levenshtein's distance.
    private static func edits(_ left: [Character], _ right: [Character]) -> Int {
        var row = Array(0...right.count)
        for (index, letter) in left.enumerated() {
            var diagonal = row[0]
            row[0] = index + 1
            for column in right.indices {
                let replaced = diagonal + (right[column] == letter ? 0 : 1)
                diagonal = row[column + 1]
                row[column + 1] = min(replaced, diagonal + 1, row[column] + 1)
            }
        }
        return row[right.count]
    }
}
