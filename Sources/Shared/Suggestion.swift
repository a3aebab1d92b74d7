/// Suggestions for misspelt words.
public enum Suggestion {
    /// For example `did you mean 'timeout'?`; nil if no known word is near.
    public static func question(about word: String, among known: some Collection<String>) -> String? {
        nearest(to: word, among: known).map { "did you mean '\($0)'?" }
    }

    /// The known word with the fewest edits, if they are few for its length; else the only one that contains the word.
    public static func nearest(to word: String, among known: some Collection<String>) -> String? {
        let letters = Array(word.lowercased())
        guard (1...100).contains(letters.count) else { return nil }
        let bounded = known.prefix(500).filter { $0.utf8.count <= 200 }
        let ranked = bounded.map { (word: $0, edits: edits(letters, Array($0.lowercased()))) }
        if let best = ranked.min(by: { ($0.edits, $0.word) < ($1.edits, $1.word) }),
            best.edits <= max(1, min(3, min(letters.count, best.word.count) / 3))
        {
            return best.word
        }
        let containing = bounded.filter { $0.lowercased().contains(word.lowercased()) }
        return letters.count >= 3 && containing.count == 1 ? containing.first : nil
    }

    /// Levenshtein's distance, with two swapped letters as one edit.
    private static func edits(_ left: [Character], _ right: [Character]) -> Int {
        var before: [Int] = []
        var last = Array(0...right.count)
        for row in left.indices {
            var next = [row + 1]
            for column in right.indices {
                let replaced = last[column] + (left[row] == right[column] ? 0 : 1)
                var best = min(replaced, last[column + 1] + 1, next[column] + 1)
                if row > 0, column > 0, left[row] == right[column - 1], left[row - 1] == right[column] {
                    best = min(best, before[column - 1] + 1)
                }
                next.append(best)
            }
            (before, last) = (last, next)
        }
        return last[right.count]
    }
}
