#include "unit.h"

CU_TestInfo base_text_tests[] = {
	CU_TEST_INFO_NULL,
};
