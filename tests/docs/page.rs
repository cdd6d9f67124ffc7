//! A page of the documentation: its fenced blocks, its links, its headings.

use std::fs;
use std::path::{Path, PathBuf};

/// A fenced block: the word after the fence, the rest of that line, and the text between the fences.
pub struct Block {
    pub language: String,
    pub info: String,
    pub text: String,
    /// Line of the opening fence, from 1.
    pub line: usize,
    /// Byte range of the text in the page.
    pub range: std::ops::Range<usize>,
}

/// A Markdown file.
pub struct Page {
    /// Relative to the project's folder.
    pub name: String,
    pub path: PathBuf,
    pub text: String,
    pub blocks: Vec<Block>,
}

/// The project's folder.
pub fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the project's folder")
}

/// README.md, CONTRIBUTING.md and everything in docs, in order of their names.
pub fn pages() -> Vec<Page> {
    let root = project();
    let mut names = vec!["CONTRIBUTING.md".to_owned(), "README.md".to_owned()];
    collect(&root, "docs", &mut names);
    read_all(&root, names)
}

/// The pages of the examples. Their SQL is part of their scripts, which tests/example_systems.rs runs.
pub fn examples() -> Vec<Page> {
    let root = project();
    let mut names = Vec::new();
    collect(&root, "examples", &mut names);
    read_all(&root, names)
}

fn read_all(root: &Path, mut names: Vec<String>) -> Vec<Page> {
    names.sort();
    names.into_iter().map(|name| Page::read(root, name)).collect()
}

fn collect(root: &Path, folder: &str, names: &mut Vec<String>) {
    for entry in fs::read_dir(root.join(folder)).expect("the folder can be read") {
        let entry = entry.expect("an entry");
        let name = format!("{folder}/{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            collect(root, &name, names);
        } else if name.ends_with(".md") {
            names.push(name);
        }
    }
}

impl Page {
    fn read(root: &Path, name: String) -> Page {
        let path = root.join(&name);
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
        let blocks = blocks(&name, &text);
        Page { name, path, text, blocks }
    }

    /// The text below the heading that names `title` in backquotes, up to the next heading of its level or above.
    pub fn section(&self, title: &str) -> Option<&str> {
        let heading = format!("`{title}`");
        let mut lines = self.lines_outside_blocks();
        let (start, level) = lines.find_map(|(at, line)| {
            let level = line.bytes().take_while(|byte| *byte == b'#').count();
            (level > 0 && line[level..].trim() == heading).then_some((at + line.len(), level))
        })?;
        let end = lines
            .find(|(_, line)| {
                let other = line.bytes().take_while(|byte| *byte == b'#').count();
                other > 0 && other <= level
            })
            .map_or(self.text.len(), |(at, _)| at);
        Some(&self.text[start..end])
    }

    /// The anchors that a link can point at, as GitHub makes them from headings.
    pub fn anchors(&self) -> Vec<String> {
        let headings = self.lines_outside_blocks().filter(|(_, line)| line.starts_with('#'));
        headings
            .map(|(_, line)| {
                let title = line.trim_start_matches('#').trim().to_lowercase();
                let kept = title.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
                kept.map(|c| if c == ' ' { '-' } else { c }).collect()
            })
            .collect()
    }

    /// Targets of the links, without those that lead to other sites.
    pub fn links(&self) -> Vec<String> {
        let mut links = Vec::new();
        for (_, line) in self.lines_outside_blocks() {
            for rest in line.split("](").skip(1) {
                let target = rest.split(')').next().unwrap_or_default();
                if !target.contains("://") {
                    links.push(target.to_owned());
                }
            }
        }
        links
    }

    fn lines_outside_blocks(&self) -> impl Iterator<Item = (usize, &str)> {
        let mut at = 0;
        let mut inside = false;
        self.text.split('\n').filter_map(move |line| {
            let start = at;
            at += line.len() + 1;
            let fence = line.starts_with("```");
            inside ^= fence;
            (!inside && !fence).then_some((start, line))
        })
    }
}

fn blocks(name: &str, text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut open: Option<Block> = None;
    let mut at = 0;
    for (index, line) in text.split('\n').enumerate() {
        let start = at;
        at += line.len() + 1;
        let Some(info) = line.strip_prefix("```") else {
            assert!(!line.trim_start().starts_with("```"), "{name}:{}: an indented fence is not run", index + 1);
            continue;
        };
        match open.take() {
            Some(mut block) => {
                block.range.end = start;
                block.text = text[block.range.clone()].to_owned();
                blocks.push(block);
            }
            None => {
                let (language, info) = info.split_once(' ').unwrap_or((info, ""));
                open = Some(Block {
                    language: language.to_owned(),
                    info: info.trim().to_owned(),
                    text: String::new(),
                    line: index + 1,
                    range: at..at,
                });
            }
        }
    }
    assert!(open.is_none(), "{name}: a block has no end");
    blocks
}
