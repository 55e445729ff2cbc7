// The agent's images over host/images: what has been built on this host.

import { currentImage } from '@pandastack/images/current.ts'
import type { Images } from '../ports.ts'

export const hostImages = (dataDir: string): Images => ({ find: (name) => currentImage(dataDir, name) })
